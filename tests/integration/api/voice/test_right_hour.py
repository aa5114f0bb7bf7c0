"""A time without an offset is that of the clock where the booking is; what says no zone for sure is asked for."""

from typing import Any

import pytest

from tests.support.api.agents import AGENTS, Ask, briefly, some_arguments
from tests.support.api.served import NOT_HELD, Api

BOOKED = f"status = 'confirmed', calcom_booking_uid = 'u' || id, {NOT_HELD}"
START = (
    "SELECT to_char(start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM appointments WHERE attendee_email = :email"
)
WANTED = (
    "SELECT to_char(c.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM booking_changes c "
    "JOIN appointments a ON a.id = c.appointment_id WHERE attendee_email = :email ORDER BY c.id DESC LIMIT 1"
)
NEW_YORK = {"time_zone": "America/New_York"}


@pytest.fixture(params=AGENTS)
def ask(request: pytest.FixtureRequest) -> Ask:
    """Give each agent in turn."""
    return AGENTS[request.param]


def test_a_caller_elsewhere_moves_and_asks_by_the_own_clock(api: Api, ask: Ask) -> None:
    """Booked at three in New York through an address in Berlin: moved to three in New York, and found there."""
    caller, asked = api.key(), some_arguments(start="2030-03-11T15:00:00", **NEW_YORK)
    briefly(ask, caller, "book", asked, "call-1")
    api.sql(f"UPDATE appointments SET {BOOKED} WHERE attendee_email = :email", email=asked["email"])  # noqa: S608

    found = briefly(ask, caller, "status", {"email": asked["email"], "start": "2030-03-11T15:00:00"}, "call-2")
    briefly(ask, caller, "reschedule", {"new_start": "2030-03-12T15:00:00"}, "call-1")

    assert api.sql(START, email=asked["email"]) == "2030-03-11 19:00"
    assert found.say == "You are booked for Monday, March 11 at 3:00 PM."
    assert api.sql(WANTED, email=asked["email"]) == "2030-03-12 19:00"


def test_who_names_a_zone_means_it(api: Api, ask: Ask) -> None:
    """A booking of Berlin is moved by somebody who is in New York that day, and says so."""
    caller, asked = api.key(), some_arguments()
    briefly(ask, caller, "book", asked, "call-3")
    api.sql(f"UPDATE appointments SET {BOOKED} WHERE attendee_email = :email", email=asked["email"])  # noqa: S608

    briefly(ask, caller, "reschedule", {"new_start": "2030-03-12T09:00:00", "time_zone": "New York"}, "call-3")

    assert api.sql(WANTED, email=asked["email"]) == "2030-03-12 13:00"


def test_a_booking_is_found_by_the_places_clock_too(api: Api, ask: Ask) -> None:
    """The salon has told the caller its own time."""
    caller, asked = api.key(), some_arguments(start="2030-03-11T15:00:00", **NEW_YORK)
    briefly(ask, caller, "book", asked, "call-4")

    told = briefly(ask, caller, "cancel", {"email": asked["email"], "start": "2030-03-11T20:00:00"}, "call-5").say

    assert told == "It is cancelled."


@pytest.mark.parametrize("zone", ["EST", "Etc/GMT+5", "CST", "UTC-5"])
def test_a_guess_of_the_models_is_asked_about_and_the_answer_is_understood(api: Api, ask: Ask, zone: str) -> None:
    """In June none of these says where somebody is; the city does."""
    caller, asked = api.key(), some_arguments(start="2030-06-10T10:00:00")

    said = ask(caller, "book", {**asked, "time_zone": zone}, "call-6").say
    briefly(ask, caller, "book", {**asked, "time_zone": "new york"}, "call-6")

    assert said.startswith("Please tell me which city you are in")
    assert api.sql(START, email=asked["email"]) == "2030-06-10 14:00"


@pytest.mark.parametrize(
    "given",
    [
        {"start": "2030-06-10T10:00:00.000"}, {"start": "2030-06-10 10:00"}, {"start": "2030-06-10", "time": "10:00"},
        {"start": "", "date": "2030-06-10", "time": "10 am"}, {"start": "2030-06-10T10:00:00+02:00", "time_zone": ""},
    ],
)  # fmt: skip
def test_a_time_is_read_however_a_model_writes_it(api: Api, ask: Ask, given: dict[str, Any]) -> None:
    """Parts of seconds, a day and a clock apart."""
    caller, asked = api.key(), some_arguments()

    briefly(ask, caller, "book", {**asked, **given}, "call-7")

    assert api.sql(START, email=asked["email"]) == "2030-06-10 08:00"

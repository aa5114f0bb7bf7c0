"""The resource `slots`: what is asked, and what is answered; what is read and counted: tests/promises/asking."""

from typing import Any

import pytest

from db.api_keys.keys import Scope
from tests.support.api.agents import AGENTS, Ask
from tests.support.api.served import ALL, Caller, Serving

DAY = "event_type_id=101&from=2030-03-04T23:00:00Z&to=2030-03-05T10:30:00Z"
KEY = "cal_test_owner"


@pytest.fixture
def calcom(simulator: Any) -> dict[str, str]:
    """Return the settings that lead to the simulator."""
    return {"CALCOM_BASE_URL": simulator.url, "CALCOM_API_KEY": KEY, "CALCOM_RATE_LIMIT_PER_MINUTE": "0"}


def test_free_times_are_told_in_the_zone_that_was_asked_for(serving: Serving, calcom: dict[str, str]) -> None:
    """200 with their time; an agent names the next three; without Cal.com both say that they are not known."""
    api = serving.start(**calcom)
    caller, noted = api.key(), api.key()

    shown = caller.get(f"/v1/slots?{DAY}&time_zone=Europe/Berlin")
    said = AGENTS["vapi"](caller, "slots", {"date": "2030-03-05"}, "call-1").say
    german = AGENTS["retell"](caller, "slots", {"start": "2030-03-05T11:15"}, "call-1", lang="de").say

    assert shown.status_code == 200
    document = shown.json()
    assert document.keys() == {"known", "as_of", "slots"}
    assert document["known"] is True
    assert document["slots"][-1] == "2030-03-05T11:00:00+01:00"
    assert said == "Tuesday, 5 March at 00:00, 00:30 or 01:00 is free. Which one would you like?"
    assert german == "Frei ist Dienstag, 5. März um 11:30 Uhr, 12:00 Uhr oder 12:30 Uhr. Welche Zeit passt Ihnen?"
    api.hold(noted.booked())
    away = serving.start(**calcom | {"CALCOM_BASE_URL": "http://127.0.0.1:1"}, REDIS_URL="redis://127.0.0.1:1")
    unknown = away.call("GET", f"/v1/slots?{DAY}", headers={"Authorization": f"Bearer {noted.key}"})
    assert (unknown.status_code, unknown.json()) == (200, {"known": False, "slots": [], "held": 1})
    ask: Ask = AGENTS["retell"]
    told = ask(Caller(away, noted.key, noted.name), "slots", {}, "call-2").say
    assert told == "I cannot see the free times right now. Tell me a time, and I will note it."


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {"event_type_id", "from", "to"}), (DAY.replace("101", "x"), {"event_type_id"}),
        (DAY.replace("101", "9" * 30), {"event_type_id"}), (DAY.replace("23:00:00Z", "23:00:00"), {"from"}),
        (DAY.replace("2030-03-05", "2030-05-05"), {"to"}), (DAY.replace("2030-03-05", "2030-03-01"), {"to"}),
        (f"{DAY}&time_zone=Mars", {"time_zone"}), (f"{DAY}&time_zone=%00", {"time_zone"}),
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_422(api: Any, query: str, fields: set[str]) -> None:
    """Each field that is wrong is named."""
    answer = api.key().get(f"/v1/slots?{query}")

    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["errors"]} == fields


def test_only_who_may_book_a_type_may_ask_of_it(api: Any) -> None:
    """403 without the scope, or of another type."""
    assert api.key(ALL - {Scope.BOOK}).get(f"/v1/slots?{DAY}").status_code == 403
    assert api.key(event_types=[102]).get(f"/v1/slots?{DAY}").status_code == 403

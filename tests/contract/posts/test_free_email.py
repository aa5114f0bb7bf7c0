"""Where a type asks its host about free e-mail providers: pending for some, accepted for others, twice for either.

`requiresConfirmationForFreeEmail` on, `requiresConfirmation` off, unless a test says otherwise. The addresses are too
short for their providers to give to anybody.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

ANN, BOB, OTHER = "ann@gmail.com", "b@outlook.com", "ann@example.org"
REF = {"bookingWorkerRef": "r1"}
TRIES = 10  # which of two bookings is looked at is the order of their rows: mostly the first


def booked(calcom: Any, part: str, start: str, email: str = ANN) -> Any:
    """POST, and give the booking, or the entries of a series."""
    answer = calcom.book(part, start, email, metadata=REF)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def said(calcom: Any, part: str, start: str, email: str = ANN, **more: Any) -> str:
    """POST, and give the answer in short."""
    answer: str = calcom.short(calcom.book(part, start, email, **{"metadata": REF, **more}))
    return answer


def booked_at(calcom: Any, booking: dict[str, Any]) -> int:
    """Count the seats of a booking."""
    return len(calcom.call("GET", f"/v2/bookings/{booking['uid']}").json()["data"]["attendees"])


def confirm(calcom: Any, uid: str) -> None:
    """Accept, as the host does."""
    assert calcom.call("POST", f"/v2/bookings/{uid}/confirm").json()["data"]["status"] == "accepted"


def offered(calcom: Any, part: str, start: str) -> bool:
    """Say whether the start is offered, past what is kept of an earlier answer."""
    end = (datetime.fromisoformat(start) + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = {"eventTypeId": calcom.parts[part], "start": start, "end": end}
    answer = calcom.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})
    return any(day for day in answer.json()["data"].values())


@pytest.mark.needs("rr_free")
@pytest.mark.parametrize("email", [ANN, BOB])
def test_round_robin_books_twice_once_its_host_has_accepted(calcom: Any, start: str, email: str) -> None:
    """Pending; the host accepts; the identical POST: ANOTHER, pending, with the other host (gmail, outlook: 2 of 2)."""
    first = booked(calcom, "rr_free", start, email)
    while_pending = booked(calcom, "rr_free", start, email)
    confirm(calcom, first["uid"])

    second = booked(calcom, "rr_free", start, email)

    assert (first["status"], while_pending["uid"]) == ("pending", first["uid"])
    assert (second["status"], second["metadata"], second["uid"] == first["uid"]) == ("pending", REF, False)
    assert second["hosts"][0]["id"] != first["hosts"][0]["id"]


@pytest.mark.needs("rr_free")
def test_round_robin_gives_the_booking_of_any_other_address_back(calcom: Any, start: str) -> None:
    """example.org: accepted, and the identical POST gives the same booking."""
    first = booked(calcom, "rr_free", start, OTHER)

    assert (first["status"], booked(calcom, "rr_free", start, OTHER)["uid"]) == ("accepted", first["uid"])


@pytest.mark.needs("rr_free", "busy_rr_free", "busy_rr_free_other")
def test_round_robin_is_taken_though_ours_lives(calcom: Any, start: str) -> None:
    """Accepted by its host, the other hosts busy by then: 400 TAKEN-HOSTS, ours lives (3 of 3)."""
    first = booked(calcom, "rr_free", start)
    confirm(calcom, first["uid"])
    for part in ("busy_rr_free", "busy_rr_free_other"):
        calcom.book(part, start, "busy@example.test")

    assert said(calcom, "rr_free", start) == "TAKEN-HOSTS"
    assert calcom.call("GET", f"/v2/bookings/{first['uid']}").json()["data"]["status"] == "accepted"


@pytest.mark.needs("seats_free")
@pytest.mark.parametrize("part", ["seats_free", "rr_seats_free"])
def test_two_pending_bookings_of_one_time_take_a_second_seat(calcom: Any, start: str, part: str) -> None:
    """Two attendees, two bookings; both accepted: if the identical POST hits the other one, a second seat (3 of 3)."""
    ours, others = booked(calcom, part, start), booked(calcom, part, start, BOB)
    assert (ours["status"], others["status"], ours["uid"] == others["uid"]) == ("pending", "pending", False)
    for one in (ours, others):
        confirm(calcom, one["uid"])

    answers = [said(calcom, part, start) for _ in range(TRIES)]

    assert set(answers) <= {"accepted", "SIGNED-UP", "FULL"}
    assert answers.count("accepted") <= 1


@pytest.mark.parametrize("part", ["seats_free", "rr_seats_free"])
def test_the_second_of_two_bookings_of_one_time_takes_a_second_seat(simulator: Any, start: str, part: str) -> None:
    """Once its row comes first."""
    ours, others = booked(simulator, part, start), booked(simulator, part, start, BOB)
    for one in (ours, others):
        confirm(simulator, one["uid"])
    simulator.order("/_settings", {"dedupe_takes_another": 1})

    assert said(simulator, part, start) == "accepted"
    assert [booked_at(simulator, one) for one in (ours, others)] == [1, 2]


@pytest.mark.needs("rr_seats_free")
def test_one_accepted_booking_of_round_robin_with_seats_knows_its_attendee(calcom: Any, start: str) -> None:
    """One booking, accepted: 409 SIGNED-UP (1 of 1)."""
    confirm(calcom, booked(calcom, "rr_seats_free", start)["uid"])

    assert said(calcom, "rr_seats_free", start) == "SIGNED-UP"


def test_a_round_robin_series_is_made_again_once_its_host_has_accepted(simulator: Any, start: str) -> None:
    """The host accepts the series; the identical POST: a second series, 3 weeks live and 3 pending."""
    first = booked(simulator, "rr_weekly_free", start)[0]["recurringBookingUid"]
    while_pending = booked(simulator, "rr_weekly_free", start)[0]["recurringBookingUid"]
    simulator.order("/_persons", {"do": "accept", "uid": first})

    second = booked(simulator, "rr_weekly_free", start)[0]["recurringBookingUid"]

    rows = simulator.order("/_bookings", method="GET")["bookings"]
    assert (while_pending, second == first) == (first, False)
    weeks = sorted((row["recurringBookingUid"] == first, row["status"]) for row in rows)
    assert weeks == [(False, "pending")] * 3 + [(True, "accepted")] * 3


@pytest.mark.needs("free", "coll_free")
@pytest.mark.parametrize("part", ["free", "coll_free"])
def test_a_pending_booking_leaves_its_slot_offered(calcom: Any, start: str, part: str) -> None:
    """Pending 3 of 3, offered 3 of 3, the identical POST gives the same booking 3 of 3; accepted: taken, as for all."""
    first = booked(calcom, part, start)

    assert (first["status"], offered(calcom, part, start)) == ("pending", True)
    assert booked(calcom, part, start)["uid"] == first["uid"]
    confirm(calcom, first["uid"])
    assert said(calcom, part, start) in ("TAKEN-USER", "TAKEN-HOSTS")


@pytest.mark.parametrize("part", ["free", "coll_free"])
def test_two_at_once_are_two_pending_bookings(simulator: Any, start: str, part: str) -> None:
    """Two identical POSTs in flight: two bookings, 3 of 3."""
    hold = simulator.hold("insert", count=2)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(booked, simulator, part, start) for _ in range(2)]
        assert simulator.until(lambda: simulator.held() == 2)
        simulator.release(hold)
        made = [answer.result() for answer in answers]

    assert [one["status"] for one in made] == ["pending"] * 2
    assert made[0]["uid"] != made[1]["uid"]


@pytest.mark.needs("free")
def test_accepting_checks_no_conflict(calcom: Any, start: str) -> None:
    """Two pending bookings of one time, by two attendees: both are accepted."""
    for one in (booked(calcom, "free", start), booked(calcom, "free", start, BOB)):
        confirm(calcom, one["uid"])


@pytest.mark.needs("confirm_free")
def test_the_column_overrides_the_confirmation_that_is_shown(calcom: Any, start: str) -> None:
    """`requiresConfirmation` on as well: example.org is accepted though "always" is shown, gmail.com is pending."""
    shown = calcom.call(
        "GET", f"/v2/event-types/{calcom.parts['confirm_free']}", headers={"cal-api-version": "2024-06-14"}
    ).json()["data"]

    assert shown["confirmationPolicy"]["type"] == "always"
    assert said(calcom, "confirm_free", start) == "pending"
    assert said(calcom, "confirm_free", start, OTHER) == "accepted"


@pytest.mark.needs("free")
def test_what_follows_the_at_sign_decides_in_lower_case(calcom: Any, start: str) -> None:
    """`+x` and upper case count; sub-domains and guests do not; hotmail.com is accepted while the table is empty."""
    guest = {"guests": [ANN]}
    begins = datetime.fromisoformat(start)
    counted = [("ann+x@gmail.com", {}), ("Ann@GMAIL.com", {})]
    others = [("ann@mail.gmail.com", {}), ("ann@example.com", guest), ("ann@hotmail.com", {})]

    answers = [
        said(calcom, "free", (begins + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ"), email, **more)
        for hour, (email, more) in enumerate([*counted, *others])
    ]

    assert answers == ["pending"] * 2 + ["accepted"] * 3


def test_a_new_row_of_the_table_counts_at_once(simulator: Any, start: str) -> None:
    """The domains are a table of the server's, which nobody outside can know."""
    before = said(simulator, "free", start, "ann@example.com")
    simulator.order("/_settings", {"free_domains": ["gmail.com", "example.com"]})

    assert (before, said(simulator, "rr_free", start, "ann@example.com")) == ("accepted", "pending")

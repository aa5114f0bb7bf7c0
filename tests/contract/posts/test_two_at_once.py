"""Two POSTs in flight at once on the simulator: the same answers and bookings as were counted on the real server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

DATABASE = (400, "An error occurred while querying the database.")
BOOKED = (201, None)


def together(simulator: Any, *calls: tuple[str, str, str]) -> list[tuple[int, str | None]]:
    """POST at once; give status and message of each, sorted."""

    def one(call: tuple[str, str, str]) -> tuple[int, str | None]:
        answer = simulator.book(*call)
        body = answer.json()
        return answer.status_code, body.get("message") or body.get("error", {}).get("message")

    hold = simulator.hold("insert", count=len(calls))
    with ThreadPoolExecutor(len(calls)) as pool:
        answers = [pool.submit(one, call) for call in calls]
        assert simulator.until(lambda: simulator.held() == len(calls))
        simulator.release(hold)
        return sorted(answer.result() for answer in answers)


def bookings(simulator: Any) -> list[dict[str, Any]]:
    """Give all live bookings of the primary."""
    rows = simulator.order("/_bookings", method="GET")["bookings"]
    return [row for row in rows if row["status"] in ("accepted", "pending")]


@pytest.mark.parametrize("part", ["plain", "round_robin", "collective", "seats"])
def test_the_slower_of_two_is_told_a_database_error(simulator: Any, start: str, part: str) -> None:
    """One booking; the loser gets 400 B, not `taken`."""
    answers = together(simulator, (part, start, "ann@example.test"), (part, start, "ann@example.test"))

    assert answers == [BOOKED, DATABASE]
    assert len(bookings(simulator)) == 1


def test_requires_confirmation_books_twice(simulator: Any, start: str) -> None:
    """The one type whose repetition is harmless one after the other makes two at once."""
    answers = together(simulator, ("confirm", start, "ann@example.test"), ("confirm", start, "ann@example.test"))

    assert answers == [BOOKED, BOOKED]
    assert len(bookings(simulator)) == 2


def test_a_seat_on_a_slot_with_bookings_is_taken_twice(simulator: Any, start: str) -> None:
    """Two seats for one attendee."""
    simulator.book("seats", start, "bob@example.test")

    answers = together(simulator, ("seats", start, "ann@example.test"), ("seats", start, "ann@example.test"))

    assert answers == [BOOKED, BOOKED]
    assert [one["email"] for one in bookings(simulator)[0]["attendees"]].count("ann@example.test") == 2


def test_the_last_seat_goes_to_one(simulator: Any, start: str) -> None:
    """Seats are counted again when they are written: 201 and 409 A."""
    for name in ("ann", "bob"):
        simulator.book("seats", start, f"{name}@example.test")

    answers = together(simulator, ("seats", start, "cy@example.test"), ("seats", start, "di@example.test"))

    assert answers == [BOOKED, (409, "No more seats left at this seated booking.")]


def test_half_an_hour_and_an_hour_from_one_start_are_both_booked(simulator: Any, start: str) -> None:
    """The unique index knows start and end, so other lengths pass it."""
    answers = together(simulator, ("plain", start, "ann@example.test"), ("plain_60", start, "bob@example.test"))

    assert answers == [BOOKED, BOOKED]


def test_a_daily_limit_is_passed_by_two_at_once(simulator: Any, start: str) -> None:
    """Two times of one day, though one a day is allowed."""
    later = (datetime.fromisoformat(start) + timedelta(hours=2)).isoformat()

    answers = together(simulator, ("day_limit", start, "ann@example.test"), ("day_limit", later, "ann@example.test"))

    assert answers == [BOOKED, BOOKED]


def test_three_attendees_on_two_hosts_get_one_booking(simulator: Any, start: str) -> None:
    """All three chose the same free host: one 201, two 400 B, while the other host stays free."""
    answers = together(simulator, *[("round_robin", start, f"{name}@example.test") for name in ("ann", "bob", "cy")])

    assert answers == [BOOKED, DATABASE, DATABASE]


def test_where_slots_are_not_exclusive_every_post_books(simulator: Any, start: str) -> None:
    """The trap for a caller who posts twice: also one after the other, also for seats and round robin."""
    for number, kind in ((301, "plain"), (302, "seats"), (303, "round_robin"), (304, "confirm")):
        simulator.order("/_event_types", {"id": number, "kind": kind, "exclusive": False})
        simulator.parts[kind + "_open"] = number
        for _ in range(5):
            assert simulator.book(kind + "_open", start, "ann@example.test").status_code == 201

    seats = sum(len(row["attendees"]) for row in bookings(simulator))
    assert seats == 20


def test_a_collective_with_one_busy_host_is_a_500(simulator: Any, start: str, recorded: Any) -> None:
    """One host busy: 500 B for good; both busy is said properly (test_bookings.py)."""
    simulator.order("/_event_types", {"id": 305, "hosts": ["host9"]})
    simulator.parts["busy_host"] = 305
    simulator.book("busy_host", start)

    answer, wanted = simulator.book("collective", start), recorded("collective: one of two hosts busy")

    assert (answer.status_code, answer.json()) == (wanted["status"], wanted["json"])


def test_two_moves_of_one_booking_make_two(simulator: Any, start: str) -> None:
    """Two reschedules to different times: both 201, two bookings."""
    uid = simulator.book("plain", start).json()["data"]["uid"]

    def move(hours: int) -> int:
        to = (datetime.fromisoformat(start) + timedelta(hours=hours)).isoformat()
        code: int = simulator.call("POST", f"/v2/bookings/{uid}/reschedule", json={"start": to}).status_code
        return code

    hold = simulator.hold("insert", count=2, match={"path": "/v2/bookings/*"})
    with ThreadPoolExecutor(2) as pool:
        moves = [pool.submit(move, hours) for hours in (1, 2)]
        assert simulator.until(lambda: simulator.held() == 2)
        simulator.release(hold)
        assert [each.result() for each in moves] == [201, 201]
    assert len(bookings(simulator)) == 2

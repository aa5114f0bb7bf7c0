"""Two POSTs in flight at once on the simulator: the same answers and bookings as were counted on the real server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

DATABASE = (400, "An error occurred while querying the database.")
BOOKED = (201, None)


@pytest.fixture
def slow(simulator: Any) -> Any:
    """Give a simulator whose POSTs have all read before one of them writes, as those of the same moment have."""
    simulator.order("/_faults", {"kind": "latency", "delay": 0.2, "match": {"path": "/v2/bookings/*"}})
    return simulator


def together(slow: Any, *calls: tuple[str, str, str]) -> list[tuple[int, str | None]]:
    """POST at once; give status and message of each, sorted."""

    def one(call: tuple[str, str, str]) -> tuple[int, str | None]:
        answer = slow.book(*call)
        body = answer.json()
        return answer.status_code, body.get("message") or body.get("error", {}).get("message")

    def held() -> int:
        return int(slow.order("/_faults", method="GET")["faults"][-1]["hits"])

    hold = slow.order("/_faults", {"kind": "stall", "step": "insert", "delay": 30})["faults"][0]["id"]
    with ThreadPoolExecutor(len(calls)) as pool:
        answers = [pool.submit(one, call) for call in calls]
        assert slow.until(lambda: held() == len(calls))
        slow.order(f"/_faults?id={hold}", method="DELETE")
        return sorted(answer.result() for answer in answers)


def bookings(slow: Any) -> list[dict[str, Any]]:
    """Give all live bookings of the primary."""
    rows = slow.order("/_bookings", method="GET")["bookings"]
    return [row for row in rows if row["status"] in ("accepted", "pending")]


@pytest.mark.parametrize("part", ["plain", "round_robin", "collective", "seats"])
def test_the_slower_of_two_is_told_a_database_error(slow: Any, start: str, part: str) -> None:
    """One booking; the loser gets 400 B, not `taken`."""
    answers = together(slow, (part, start, "ann@example.test"), (part, start, "ann@example.test"))

    assert answers == [BOOKED, DATABASE]
    assert len(bookings(slow)) == 1


def test_requires_confirmation_books_twice(slow: Any, start: str) -> None:
    """The one type whose repetition is harmless one after the other makes two at once."""
    answers = together(slow, ("confirm", start, "ann@example.test"), ("confirm", start, "ann@example.test"))

    assert answers == [BOOKED, BOOKED]
    assert len(bookings(slow)) == 2


def test_a_seat_on_a_slot_with_bookings_is_taken_twice(slow: Any, start: str) -> None:
    """Two seats for one attendee."""
    slow.book("seats", start, "bob@example.test")

    answers = together(slow, ("seats", start, "ann@example.test"), ("seats", start, "ann@example.test"))

    assert answers == [BOOKED, BOOKED]
    assert [one["email"] for one in bookings(slow)[0]["attendees"]].count("ann@example.test") == 2


def test_the_last_seat_goes_to_one(slow: Any, start: str) -> None:
    """Seats are counted again when they are written: 201 and 409 A."""
    for name in ("ann", "bob"):
        slow.book("seats", start, f"{name}@example.test")

    answers = together(slow, ("seats", start, "cy@example.test"), ("seats", start, "di@example.test"))

    assert answers == [BOOKED, (409, "No more seats left at this seated booking.")]


def test_half_an_hour_and_an_hour_from_one_start_are_both_booked(slow: Any, start: str) -> None:
    """The unique index knows start and end, so other lengths pass it."""
    answers = together(slow, ("plain", start, "ann@example.test"), ("plain_60", start, "bob@example.test"))

    assert answers == [BOOKED, BOOKED]


def test_a_daily_limit_is_passed_by_two_at_once(slow: Any, start: str) -> None:
    """Two times of one day, though one a day is allowed."""
    later = (datetime.fromisoformat(start) + timedelta(hours=2)).isoformat()

    answers = together(slow, ("day_limit", start, "ann@example.test"), ("day_limit", later, "ann@example.test"))

    assert answers == [BOOKED, BOOKED]


def test_three_attendees_on_two_hosts_get_one_booking(slow: Any, start: str) -> None:
    """All three chose the same free host: one 201, two 400 B, while the other host stays free."""
    answers = together(slow, *[("round_robin", start, f"{name}@example.test") for name in ("ann", "bob", "cy")])

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


def test_two_moves_of_one_booking_make_two(slow: Any, start: str) -> None:
    """Two reschedules to different times: both 201, two bookings."""
    uid = slow.book("plain", start).json()["data"]["uid"]

    def move(hours: int) -> int:
        to = (datetime.fromisoformat(start) + timedelta(hours=hours)).isoformat()
        code: int = slow.call("POST", f"/v2/bookings/{uid}/reschedule", json={"start": to}).status_code
        return code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(move, (1, 2))) == [201, 201]
    assert len(bookings(slow)) == 2

"""A second POST while the first still works: what doubles and what is refused, as counted on the real server.

The first is held up before a step by an order, and the second comes meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

REF = {"bookingWorkerRef": "r1"}
POST = {"method": "POST", "path": "/v2/bookings"}
Race = Callable[..., tuple[str, str, int]]


@pytest.fixture
def race(simulator: Any, start: str, email: str) -> Race:
    """Give a race of two identical POSTs: their answers, and how many of ours live then.

    The first waits before `first`; the second goes through meanwhile, or waits before `second` until the first is over.
    """

    def run(part: str, *, first: str = "insert", second: str | None = None) -> tuple[str, str, int]:
        def post() -> str:
            answer: str = simulator.short(simulator.book(part, start, email, metadata=REF))
            return answer

        with ThreadPoolExecutor(2) as pool:
            first_hold = simulator.hold(first)
            one = pool.submit(post)
            assert simulator.until(lambda: simulator.held() == 1)
            second_hold = simulator.hold(second) if second else None
            two = pool.submit(post)
            assert simulator.until(lambda: simulator.held() == 2 if second else two.done())
            for each, answer in ((first_hold, one), (second_hold, two)):
                if each is not None:
                    simulator.release(each)
                answer.result()
            return one.result(), two.result(), live(simulator)

    return run


def live(simulator: Any) -> int:
    """Count the bookings and seats of our reference that live."""
    lines = simulator.order("/_books?reference=r1", method="GET")["books"]
    return sum(line["status"] in ("accepted", "pending") for line in lines)


@pytest.mark.parametrize("part", ["confirm", "rr_confirm", "coll_confirm", "seats_confirm"])
def test_what_must_be_confirmed_is_booked_twice(race: Race, part: str) -> None:
    """The first waits for its insert: 201, pending, 2 of ours (8 of 8 each); collective 24 of 25 up to 50 ms."""
    assert race(part) == ("pending", "pending", 2)


@pytest.mark.parametrize("part", ["plain", "round_robin", "collective", "seats", "rr_seats", "rr_fixed", "weekly"])
def test_where_the_unique_index_stands_there_is_one(race: Race, part: str) -> None:
    """The first waits for its insert: 201 and 400 DB, 1 of ours always (8 of 8 each); a series: 8 of 8 weeks."""
    assert race(part) == ("DB", "accepted", 8 if part == "weekly" else 1)


@pytest.mark.parametrize("part", ["seats", "rr_seats"])
def test_a_further_seat_is_given_twice(race: Race, simulator: Any, start: str, part: str) -> None:
    """The insert of the attendee held up: 201, 2 seats of ours (6 of 6 each)."""
    simulator.order("/_event_types", {"id": simulator.parts[part], "seats": 10}, method="PATCH")
    simulator.book(part, start, "bob@example.test")

    assert race(part) == ("accepted", "accepted", 2)


def test_the_last_seat_is_given_once(race: Race, simulator: Any, start: str) -> None:
    """2 a time, one taken: 201 + 409 FULL at 0 ms (6 of 6), 1 seat."""
    simulator.order("/_event_types", {"id": 103, "seats": 2}, method="PATCH")
    simulator.book("seats", start, "bob@example.test")

    assert race("seats") == ("FULL", "accepted", 1)


@pytest.mark.parametrize(
    ("part", "second", "lives"),
    [("round_robin", "accepted", 2), ("plain", "TAKEN-USER", 1), ("collective", "TAKEN-HOSTS", 1),
     ("rr_fixed", "TAKEN-HOSTS", 1), ("seats", "SIGNED-UP", 1), ("weekly", "TAKEN-USER", 8)],
)  # fmt: skip
def test_a_second_post_that_finds_the_first_ones_host_busy(race: Race, part: str, second: str, lives: int) -> None:
    """The second has looked for ours before it was there, and for hosts after it.

    Round robin: 201, 2 live at host21 and host22 (6 of 6; 29 of 40 when it comes 30 to 60 ms later). Plain, collective:
    201 + 400 from 40 ms on (45 of 45); seats 409; a series: 8 bookings (45 of 45).
    """
    assert race(part, second="availability") == ("accepted", second, lives)


def test_a_round_robin_series_has_more_bookings_than_weeks(race: Race) -> None:
    """8 bookings: 32; 15: 11, 14: 2 (in 8 weeks), at 40-70 ms."""
    first, second, lives = race("rr_weekly", second="availability")

    assert (first, second) == ("accepted", "accepted")
    assert lives > 8


def test_who_has_looked_in_time_is_given_ours(race: Race) -> None:
    """Round robin, 100 ms after: 201 + 201, 1 live (10 of 10)."""
    assert race("round_robin", second="dedupe") == ("accepted", "accepted", 1)


@pytest.mark.parametrize("fault", [{"name": "bad_gateway"}, {"name": "unavailable"}, {}])
def test_a_server_works_on_though_a_balancer_has_given_up(simulator: Any, start: str, fault: dict[str, str]) -> None:
    """502, 503 or a reset 0.2 s after the POST, the server works on (its insert waits 2.5 s); and then it is booked."""
    held = simulator.hold("insert")
    simulator.order("/_faults", {"kind": "answer_early", "count": 1, "match": POST, **fault})

    if fault:
        assert simulator.book("plain", start, metadata=REF).status_code in (502, 503)
    else:
        with pytest.raises(OSError, match="reset"):
            simulator.book("plain", start, metadata=REF)

    assert live(simulator) == 0
    simulator.release(held)
    assert simulator.until(lambda: live(simulator) == 1)


def test_a_booking_is_created_when_it_was_asked_for(simulator: Any, start: str) -> None:
    """Sent at 0, answered at 2.26 s, createdAt 0.05 s (3 of 3): the time of the request, not of the commit."""
    hours = (datetime.fromisoformat(start) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    held = simulator.hold("insert")
    with ThreadPoolExecutor(1) as pool:
        asked_first = pool.submit(simulator.book, "plain", start)
        assert simulator.until(lambda: simulator.held() == 1)
        second = simulator.book("plain", hours).json()["data"]
        simulator.release(held)
        first = asked_first.result().json()["data"]

    assert first["createdAt"] < second["createdAt"] < first["updatedAt"]
    assert [one["uid"] for one in simulator.listed(sortCreated="desc")] == [second["uid"], first["uid"]]


def test_every_answer_says_its_date(simulator: Any, start: str) -> None:
    """`Date` of the server in whole seconds: what `createdAt` is compared with."""
    answers = [simulator.book("plain", start), simulator.book("plain", start), simulator.call("GET", "/v2/nope")]

    assert [answer.headers["Date"][-4:] for answer in answers] == [" GMT"] * 3


def test_a_first_seat_is_half_made_for_a_moment(simulator: Any, start: str, email: str) -> None:
    """Each healthy first seat passes through that state for milliseconds."""
    held = simulator.hold("seat")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(simulator.book, "seats", start, email, metadata=REF)
        assert simulator.until(lambda: bool(simulator.listed(eventTypeId=103)))
        [half] = simulator.listed(eventTypeId=103)[0]["attendees"]
        [line] = simulator.order("/_books?reference=r1", method="GET")["books"]
        simulator.release(held)
        seat = answer.result().json()["data"]["seatUid"]

    assert ("seatUid" in half, line["halfMade"]) == (False, True)
    [whole] = simulator.listed(eventTypeId=103)[0]["attendees"]
    assert (whole["seatUid"], whole["metadata"]) == (seat, REF)


def test_a_crash_stops_every_post_where_it_is(simulator: Any, start: str, email: str) -> None:
    """SIGKILL: what is written stays, half made seats (1 in 15) and cut series; then refused connections for 4-6 s."""
    simulator.hold("insert")
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(simulator.book, "plain", start, email, metadata=REF)]
        assert simulator.until(lambda: simulator.held() == 1)
        simulator.hold("seat")
        calls.append(pool.submit(simulator.book, "seats", start, email, metadata=REF))
        assert simulator.until(lambda: live(simulator) == 1)
        simulator.order("/_faults", {"kind": "crash", "seconds": 60})
        for call in calls:
            with pytest.raises(OSError, match="reset"):
                call.result()

    with pytest.raises(OSError, match="refused"):
        simulator.book("plain", start)
    simulator.order("/_faults", method="DELETE")
    [line] = simulator.order("/_books?reference=r1", method="GET")["books"]
    assert (line["kind"], line["halfMade"]) == ("seats", True)
    assert simulator.until(lambda: up(simulator))


def test_a_post_without_the_step_at_which_others_die_is_answered(simulator: Any, start: str) -> None:
    """No seat is given to whom books a type without seats; its answer comes whole, not byte by byte."""
    simulator.order("/_faults", {"kind": "kill", "step": "seat", "gap": 3600, "match": POST})

    assert simulator.book("plain", start).status_code == 201


def up(simulator: Any) -> bool:
    """Say whether the port listens."""
    try:
        return bool(simulator.call("GET", "/health").status_code == 200)
    except OSError:
        return False

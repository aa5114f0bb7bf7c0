"""A transaction of Cal.com's that runs into its limit of 5 s: what it wrote first is gone, what it wrote last stands.

Seen of a reschedule (12 of 24, each answered 400 B), and of cancels of a last seat (2); of a first POST it is read in
createBooking.ts, which writes both in the same transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

DATABASE = {"statusCode": 400, "message": "An error occurred while querying the database."}
CHANGE = {"path": "/v2/bookings/*"}


def later(start: str, hours: float) -> str:
    """Give a start some hours later."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def split(simulator: Any, **more: Any) -> None:
    """Have the next transaction run into its limit."""
    simulator.order("/_faults", {"kind": "split", "count": 1} | more)


def booked(simulator: Any, part: str, start: str, who: str = "ann") -> dict[str, Any]:
    """Book, with a reference."""
    answer = simulator.book(part, start, f"{who}@example.test", metadata={"bookingWorkerRef": who})
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    return data[0] if isinstance(data, list) else data


def shown(simulator: Any, uid: str) -> dict[str, Any]:
    """GET by uid."""
    data: dict[str, Any] = simulator.call("GET", f"/v2/bookings/{uid}").json()["data"]
    return data


def books(simulator: Any, who: str = "ann") -> list[dict[str, Any]]:
    """Give the lines of one reference that live."""
    lines = simulator.order(f"/_books?reference={who}", method="GET")["books"]
    return [line for line in lines if line["ended"] is None]


def move(simulator: Any, uid: str, start: str, **more: Any) -> Any:
    """Reschedule."""
    return simulator.call("POST", f"/v2/bookings/{uid}/reschedule", json={"start": start, **more})


@pytest.mark.parametrize("part", ["plain", "collective", "round_robin", "confirm"])
def test_of_a_move_both_ends_live(simulator: Any, start: str, part: str) -> None:
    """400 B; the new booking names the old one and carries our reference, the old one names no successor."""
    old = booked(simulator, part, start)
    split(simulator, match=CHANGE)

    answer = move(simulator, old["uid"], later(start, 2), reschedulingReason="later")

    assert (answer.status_code, answer.json()) == (400, DATABASE)
    assert [line["start"] for line in books(simulator)] == [old["start"], later(start, 2)]
    before, after = (shown(simulator, line["uid"]) for line in books(simulator))
    assert (before["uid"], before["status"], before.get("rescheduledToUid")) == (old["uid"], old["status"], None)
    assert (after["rescheduledFromUid"], after["metadata"]["bookingWorkerRef"]) == (old["uid"], "ann")


def test_the_same_move_again_is_refused_by_its_own_successor(simulator: Any, start: str) -> None:
    """400 TAKEN, of a plain one; round robin gives back the successor, and the old one lives on."""
    for part in ("plain", "round_robin"):
        old = booked(simulator, part, start, who=part)
        split(simulator, match=CHANGE)
        move(simulator, old["uid"], later(start, 2))

        again = move(simulator, old["uid"], later(start, 2))

        if part == "plain":
            assert simulator.short(again) == "TAKEN-USER"
        else:
            assert (again.status_code, again.json()["data"]["uid"]) == (201, books(simulator, part)[1]["uid"])
        assert len(books(simulator, part)) == 2


def test_the_answer_may_be_lost_as_well(simulator: Any, start: str) -> None:
    """`close`: the connection is reset."""
    old = booked(simulator, "plain", start)
    split(simulator, match=CHANGE, close=True)

    with pytest.raises(OSError, match=r"aborted|reset"):
        move(simulator, old["uid"], later(start, 2))

    assert len(books(simulator)) == 2


@pytest.mark.parametrize("part", ["plain", "seats", "round_robin"])
def test_a_first_posts_booking_stands(simulator: Any, start: str, part: str) -> None:
    """400 B though it is booked; no webhook says so."""
    split(simulator, match={"path": "/v2/bookings"})

    answer = simulator.book(part, start, metadata={"bookingWorkerRef": "ann"})

    assert (answer.status_code, answer.json()) == (400, DATABASE)
    assert [line["status"] for line in books(simulator)] == ["accepted"]


def test_a_week_of_a_series_stands_and_the_later_ones_are_missing(simulator: Any, start: str) -> None:
    """Its weeks are booked one by one."""
    split(simulator, match={"path": "/v2/bookings"})

    assert simulator.book("weekly", start, metadata={"bookingWorkerRef": "ann"}).status_code == 400

    assert len(books(simulator)) == 1


@pytest.mark.parametrize("fault", [{"kind": "split", "name": "internal"}, {"kind": "kill", "step": "seat"}])
def test_a_last_seats_cancel_leaves_an_empty_booking(simulator: Any, start: str, fault: dict[str, str]) -> None:
    """By-seat 404, the booking lives with nobody in it, and holds its host's time (2 of 2)."""
    ours = booked(simulator, "seats", start)
    simulator.order("/_faults", {**fault, "count": 1, "match": CHANGE})
    body = {"cancellationReason": "test", "seatUid": ours["seatUid"]}

    try:
        assert simulator.call("POST", f"/v2/bookings/{ours['uid']}/cancel", json=body).status_code == 500
    except OSError:
        assert fault["kind"] == "kill"

    assert simulator.call("GET", f"/v2/bookings/by-seat/{ours['seatUid']}").status_code == 404
    assert (shown(simulator, ours["uid"])["status"], shown(simulator, ours["uid"])["attendees"]) == ("accepted", [])
    assert simulator.short(simulator.book("busy_seats", start)) == "TAKEN-USER"


def test_a_moved_seat_is_nowhere(simulator: Any, start: str) -> None:
    """Its two steps are no transaction: the seat is deleted, and nothing is made."""
    ours = booked(simulator, "seats", start)
    split(simulator, match=CHANGE)

    assert move(simulator, ours["uid"], later(start, 2), seatUid=ours["seatUid"]).status_code == 400

    assert simulator.call("GET", f"/v2/bookings/by-seat/{ours['seatUid']}").status_code == 404
    assert books(simulator) == []


def test_what_has_no_transaction_is_not_split(simulator: Any, start: str) -> None:
    """A cancel of a whole booking, and a lookup, answer as always."""
    ours = booked(simulator, "plain", start)
    split(simulator, count=2)

    assert shown(simulator, ours["uid"])["status"] == "accepted"
    body = {"cancellationReason": "test"}
    assert simulator.call("POST", f"/v2/bookings/{ours['uid']}/cancel", json=body).status_code == 200

"""Seats: one is moved or cancelled, the others stay; Cal.com overbooks, and may lose one on its way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

REASON = {"cancellationReason": "test"}


def later(start: str, hours: float) -> str:
    """Give a start some hours later."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def seat(calcom: Any, start: str, who: str, part: str = "rr_seats") -> dict[str, Any]:
    """Book a seat; the type has two a time."""
    answer = calcom.book(part, start, f"{who}@example.test", metadata={"bookingWorkerRef": who})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def move(calcom: Any, of: dict[str, Any], start: str, **more: Any) -> Any:
    """Reschedule a seat."""
    body = {"start": start, "seatUid": of["seatUid"], **more}
    return calcom.call("POST", f"/v2/bookings/{of['uid']}/reschedule", json=body)


def cancel(calcom: Any, of: dict[str, Any]) -> Any:
    """Cancel a seat."""
    return calcom.call("POST", f"/v2/bookings/{of['uid']}/cancel", json={**REASON, "seatUid": of["seatUid"]})


def by_seat(calcom: Any, of: dict[str, Any]) -> Any:
    """GET by seat."""
    return calcom.call("GET", f"/v2/bookings/by-seat/{of['seatUid']}")


def message(answer: Any) -> str:
    """Give the words of a refusal."""
    body = answer.json()
    return str(body["message"] if "message" in body else body["error"]["message"])


@pytest.mark.needs("rr_seats")
def test_to_an_empty_time_a_seat_gets_a_new_uid(calcom: Any, start: str) -> None:
    """The others stay; the old seat is a 404, and the same again as well."""
    ours, other = seat(calcom, start, "ann"), seat(calcom, start, "bob")

    moved = move(calcom, ours, later(start, 1)).json()["data"]

    assert (moved["start"], moved["uid"] == ours["uid"], moved["seatUid"] == ours["seatUid"]) == (
        later(start, 1),
        False,
        False,
    )
    assert [one["metadata"]["bookingWorkerRef"] for one in moved["attendees"]] == ["ann"]
    assert (by_seat(calcom, ours).status_code, by_seat(calcom, moved).status_code) == (404, 200)
    assert [one["seatUid"] for one in by_seat(calcom, other).json()["data"]["attendees"]] == [other["seatUid"]]
    again = move(calcom, ours, later(start, 1))
    assert (again.status_code, message(again)) == (404, f"Seat with uid={ours['seatUid']} does not exist.")


@pytest.mark.needs("rr_seats")
def test_into_a_booking_a_seat_keeps_its_uid(calcom: Any, start: str) -> None:
    """It was the last one of its own, which is cancelled; by the old uid it is no more to be had."""
    ours, other = seat(calcom, start, "ann"), seat(calcom, later(start, 1), "bob")

    joined = move(calcom, ours, later(start, 1)).json()["data"]

    assert (joined["uid"], joined["seatUid"]) == (other["uid"], ours["seatUid"])
    assert calcom.call("GET", f"/v2/bookings/{ours['uid']}").json()["data"]["status"] == "cancelled"
    again, gone = move(calcom, ours, later(start, 2)), cancel(calcom, ours)
    assert (again.status_code, "is a seated booking which means" in message(again)) == (400, True)
    assert (gone.status_code, message(gone)) == (400, "Invalid seatUid: this seat does not belong to this booking.")
    assert cancel(calcom, joined).status_code == 200


@pytest.mark.needs("rr_seats")
def test_a_full_time_is_overbooked(calcom: Any, start: str) -> None:
    """Three in a booking of two; the slots show it full, and offer it."""
    ours = seat(calcom, later(start, 1), "cy")
    for who in ("ann", "bob"):
        full = seat(calcom, start, who)
    query = {"eventTypeId": calcom.parts["rr_seats"], "start": start, "end": later(start, 1)}
    answer = calcom.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})

    [slot] = [one for day in answer.json()["data"].values() for one in day if one["start"][:16] == start[:16]]
    assert (slot["seatsBooked"], slot["seatsRemaining"], slot["seatsTotal"]) == (2, 0, 2)
    assert calcom.short(calcom.book("rr_seats", start, "dan@example.test")) == "FULL"
    moved = move(calcom, ours, start).json()["data"]
    assert (moved["uid"], len(moved["attendees"])) == (full["uid"], 3)


@pytest.mark.needs("rr_seats", "seats_confirm")
def test_a_seat_that_cannot_be_moved_stays(calcom: Any, start: str) -> None:
    """Round robin, where its address has a seat: 201 with that one (12 of 12); with a reason; while it is pending."""
    ours, other = seat(calcom, start, "ann"), seat(calcom, later(start, 1), "ann")
    pending = seat(calcom, start, "bob", "seats_confirm")

    signed_up = move(calcom, ours, later(start, 1))
    with_reason = move(calcom, ours, later(start, 2), reschedulingReason="later please")
    waits = move(calcom, pending, later(start, 2))

    shown = signed_up.json()["data"]
    assert (signed_up.status_code, shown["uid"], shown["seatUid"]) == (201, other["uid"], "")
    assert (with_reason.status_code, "property reschedulingReason should not exist" in message(with_reason)) == (
        400,
        True,
    )
    assert (waits.status_code, message(waits)) == (404, "booking_not_found_error")
    assert by_seat(calcom, ours).json()["data"]["start"] == later(start, 0)


@pytest.mark.needs("seats", "coll_seats")
@pytest.mark.parametrize("part", ["seats", "coll_seats"])
def test_where_its_address_has_a_seat_it_gets_a_second_one(calcom: Any, start: str, part: str) -> None:
    """But for round robin: 201, moved, two seats of one address in one booking (2 of 2)."""
    ours, other = seat(calcom, start, "ann", part), seat(calcom, later(start, 1), "ann", part)

    moved = move(calcom, ours, later(start, 1)).json()["data"]

    assert (moved["uid"], moved["seatUid"]) == (other["uid"], ours["seatUid"])
    assert [one["email"] for one in moved["attendees"]].count("ann@example.test") == 2


@pytest.mark.needs("coll_seats")
def test_the_last_seat_of_a_collective_leaves_its_booking_behind(calcom: Any, start: str) -> None:
    """Moved away, the old booking lives with the co-host alone, and holds the time of both hosts (1 of 1)."""
    ours = seat(calcom, start, "ann", "coll_seats")

    assert move(calcom, ours, later(start, 1)).status_code == 201

    left = calcom.call("GET", f"/v2/bookings/{ours['uid']}").json()["data"]
    assert (left["status"], [one.get("seatUid") for one in left["attendees"]]) == ("accepted", [None])


def test_between_two_steps_a_seat_is_lost(simulator: Any, start: str) -> None:
    """500 B, and it is nowhere: by-seat 404, the same again 404; with the last seat its booking is cancelled."""
    ours, alone = seat(simulator, start, "ann"), seat(simulator, later(start, 5), "cy")
    seat(simulator, start, "bob")
    simulator.order("/_settings", {"seat_move_loses": 1})

    assert move(simulator, ours, later(start, 1)).status_code == 500
    assert move(simulator, alone, later(start, 6)).status_code == 500

    assert [by_seat(simulator, one).status_code for one in (ours, alone)] == [404, 404]
    assert move(simulator, ours, later(start, 1)).status_code == 404
    assert simulator.call("GET", f"/v2/bookings/{ours['uid']}").json()["data"]["status"] == "accepted"
    assert simulator.call("GET", f"/v2/bookings/{alone['uid']}").json()["data"]["status"] == "cancelled"
    assert simulator.order("/_books?reference=ann", method="GET")["books"][0]["status"] == "cancelled"


def test_a_process_that_dies_between_the_two_steps_loses_the_seat(simulator: Any, start: str) -> None:
    """The fault that ends a POST at a step ends a change there as well."""
    ours = seat(simulator, start, "ann")
    simulator.order("/_faults", {"kind": "kill", "step": "seat", "match": {"path": "/v2/bookings/*"}})

    with pytest.raises(OSError, match=r"aborted|reset"):
        move(simulator, ours, later(start, 1))

    assert by_seat(simulator, ours).status_code == 404
    assert simulator.order("/_books?reference=ann", method="GET")["books"][0]["status"] == "cancelled"


def _at_once(simulator: Any, *calls: Any) -> list[int]:
    """Let some changes ask what they ask, and only then write; return their status codes, sorted."""
    hold = simulator.hold("insert", count=len(calls), match={"path": "/v2/bookings/*"})
    with ThreadPoolExecutor(len(calls)) as pool:
        sent = [pool.submit(call) for call in calls]
        assert simulator.until(lambda: simulator.held() == len(calls))
        simulator.release(hold)
        return sorted(each.result().status_code for each in sent)


def test_two_seats_cancelled_at_once_leave_an_empty_booking(simulator: Any, start: str) -> None:
    """It lives, and blocks its host (6 of 6)."""
    ours, other = seat(simulator, start, "ann", "seats"), seat(simulator, start, "bob", "seats")

    assert _at_once(simulator, lambda: cancel(simulator, ours), lambda: cancel(simulator, other)) == [200, 200]

    left = simulator.call("GET", f"/v2/bookings/{ours['uid']}").json()["data"]
    assert (left["status"], left["attendees"]) == ("accepted", [])
    assert simulator.short(simulator.book("busy_seats", start)) == "TAKEN-USER"


@pytest.mark.parametrize("deed", ["move", "cancel"])
def test_one_seat_twice_at_once_is_found_once(simulator: Any, start: str, deed: str) -> None:
    """One is done, the other a 404 "Invalid Query"; never two seats."""
    ours = seat(simulator, start, "ann", "seats")
    seat(simulator, start, "bob", "seats")
    calls = (
        [lambda: cancel(simulator, ours)] * 2
        if deed == "cancel"
        else [lambda: move(simulator, ours, later(start, 1)), lambda: move(simulator, ours, later(start, 2))]
    )

    assert _at_once(simulator, *calls) == [200 if deed == "cancel" else 201, 404]

    lives = [one for one in simulator.order("/_books?reference=ann", method="GET")["books"] if one["ended"] is None]
    assert len(lives) == (deed == "move")

"""Seats: what a second POST says, whose seat a 201 names, and what by-seat shows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

REASON = {"cancellationReason": "ill"}


def later(start: str, hours: int) -> str:
    """Move a start."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def seat(calcom: Any, part: str, start: str, who: str, **more: Any) -> dict[str, Any]:
    """POST, and give the booking."""
    answer = calcom.book(part, start, f"{who}@example.test", metadata={"bookingWorkerRef": f"r-{who}"}, **more)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def said(calcom: Any, part: str, start: str, who: str) -> str:
    """POST, and give the answer in short."""
    answer: str = calcom.short(calcom.book(part, start, f"{who}@example.test"))
    return answer


def references(booking: dict[str, Any]) -> dict[str, str]:
    """Give the references of the seats that a booking shows, by seat."""
    return {one["seatUid"]: one["metadata"]["bookingWorkerRef"] for one in booking["attendees"]}


def by_seat(calcom: Any, uid: str, **headers: str | None) -> Any:
    """GET by seat."""
    return calcom.call("GET", f"/v2/bookings/by-seat/{uid}", headers={"Authorization": None, **headers})


@pytest.mark.needs("seats", "busy_seats")
def test_a_host_who_is_busy_elsewhere_closes_only_a_time_without_seats(calcom: Any, start: str) -> None:
    """No booking of the type at that start, host busy -> 400 TAKEN-USER; a seat of another there -> 201 (10 of 10)."""
    calcom.book("busy_seats", start)
    shared = seat(calcom, "seats", later(start, 1), "bob")
    calcom.book("busy_seats", later(start, 1))

    assert said(calcom, "seats", start, "ann") == "TAKEN-USER"
    assert seat(calcom, "seats", later(start, 1), "ann")["uid"] == shared["uid"]
    assert said(calcom, "seats", later(start, 1), "ann") == "SIGNED-UP"


@pytest.mark.needs("seats")
def test_a_cancelled_seat_is_given_again(calcom: Any, start: str) -> None:
    """Another seat stands: the same booking, another seat (10 of 10); the only seat: ANOTHER BOOKING (5 of 5)."""
    first, _ = seat(calcom, "seats", start, "ann"), seat(calcom, "seats", start, "bob")
    only = seat(calcom, "seats", later(start, 1), "ann")
    for one in (first, only):
        calcom.call("POST", f"/v2/bookings/{one['uid']}/cancel", json={**REASON, "seatUid": one["seatUid"]})

    again, anew = seat(calcom, "seats", start, "ann"), seat(calcom, "seats", later(start, 1), "ann")

    assert (again["uid"], again["seatUid"] == first["seatUid"]) == (first["uid"], False)
    assert anew["uid"] != only["uid"]


@pytest.mark.needs("seats")
def test_the_host_who_cancels_the_booking_leaves_nobody_in_it(calcom: Any, start: str) -> None:
    """200 `"status":"cancelled","attendees":[]`; by-seat -> 404 NO-SEAT; the identical POST: ANOTHER BOOKING."""
    first = seat(calcom, "seats", start, "ann")

    cancelled = calcom.call("POST", f"/v2/bookings/{first['uid']}/cancel", json=REASON).json()["data"]

    assert (cancelled["status"], cancelled["attendees"]) == ("cancelled", [])
    gone = by_seat(calcom, first["seatUid"])
    message = f"Booking with seatUid={first['seatUid']} was not found in the database"
    assert (gone.status_code, gone.json()["error"]["message"]) == (404, message)
    assert seat(calcom, "seats", start, "ann")["uid"] != first["uid"]


@pytest.mark.needs("seats")
def test_a_seat_is_asked_for_by_its_uid_and_by_no_other(calcom: Any, start: str) -> None:
    """by-seat of a seat that never was -> 404 NO-SEAT; a seat's uid in the place of the booking's -> 404 NO-UID."""
    first, second = seat(calcom, "seats", start, "ann"), seat(calcom, "seats", start, "bob")

    found = by_seat(calcom, second["seatUid"])

    assert found.json()["data"]["uid"] == first["uid"]
    assert references(found.json()["data"]) == {first["seatUid"]: "r-ann", second["seatUid"]: "r-bob"}
    assert by_seat(calcom, "11111111-1111-4111-8111-111111111111").status_code == 404
    assert calcom.call("GET", f"/v2/bookings/{first['seatUid']}").status_code == 404


@pytest.mark.needs("seats_hidden")
def test_hidden_attendees_are_shown_to_the_organizer_alone(calcom: Any, start: str) -> None:
    """With seatsShowAttendees off: 201 `"attendees":[],"seatUid":"1e3af7e7~"`; by uid without a key: `"attendees":[]`.

    by-seat without a key or with a stranger's: the one in that seat; the owner's key: both, also in the list and 201.
    """
    nobody = {"Authorization": None}
    first = seat(calcom, "seats_hidden", start, "ann", headers=nobody)
    second = seat(calcom, "seats_hidden", start, "bob", headers=nobody)
    both = {first["seatUid"]: "r-ann", second["seatUid"]: "r-bob"}

    assert (first["attendees"], second["attendees"], second["uid"]) == ([], [], first["uid"])
    assert references(by_seat(calcom, second["seatUid"]).json()["data"]) == {second["seatUid"]: "r-bob"}
    assert calcom.call("GET", f"/v2/bookings/{first['uid']}", headers=nobody).json()["data"]["attendees"] == []
    as_owner = {"Authorization": f"Bearer {calcom.key}"}
    assert references(by_seat(calcom, second["seatUid"], **as_owner).json()["data"]) == both
    assert references(calcom.call("GET", f"/v2/bookings/{first['uid']}").json()["data"]) == both
    third = seat(calcom, "seats_hidden", start, "cy")
    assert references(third) == {**both, third["seatUid"]: "r-cy"}


@pytest.mark.needs("seats", "rr_seats", "seats_confirm")
def test_the_top_level_seat_is_the_one_that_this_post_made(calcom: Any, start: str) -> None:
    """Own: 20 of 20 one after the other, 32 of 32 four at once; `""` on the dedupe; absent for types without seats."""
    first = seat(calcom, "seats", start, "zoe")
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda who: seat(calcom, "seats", start, who), ("ann", "bob")))
    shared = references(calcom.call("GET", f"/v2/bookings/{first['uid']}").json()["data"])

    assert [shared[one["seatUid"]] for one in made] == ["r-ann", "r-bob"]
    for part in ("rr_seats", "seats_confirm"):
        assert seat(calcom, part, start, "ann")["seatUid"] != ""
        assert seat(calcom, part, start, "ann")["seatUid"] == ""
    assert "seatUid" not in seat(calcom, "plain", later(start, 3), "ann")


@pytest.mark.needs("rr_seats", "busy_rr_seats", "busy_rr_seats_other")
def test_round_robin_with_seats_gives_back_joins_and_fills(calcom: Any, start: str) -> None:
    """2 seats: identical -> 201 ours `""`; second attendee -> 201, the same uid; his again -> 201 `""`; third -> FULL.

    All hosts busy: ours exists -> 201 ours; ours does not exist -> 400 TAKEN-HOSTS (5 of 5 each).
    """
    first = seat(calcom, "rr_seats", start, "ann")
    second = seat(calcom, "rr_seats", start, "bob")
    again = seat(calcom, "rr_seats", start, "bob")

    assert (second["uid"], again["uid"], again["seatUid"]) == (first["uid"], first["uid"], "")
    assert said(calcom, "rr_seats", start, "cy") == "FULL"
    ours = seat(calcom, "rr_seats", later(start, 2), "ann")
    for hours in (1, 2):
        for part in ("busy_rr_seats", "busy_rr_seats_other"):
            calcom.book(part, later(start, hours), "busy@example.test")
    assert said(calcom, "rr_seats", later(start, 1), "ann") == "TAKEN-HOSTS"
    assert seat(calcom, "rr_seats", later(start, 2), "ann")["uid"] == ours["uid"]


@pytest.mark.needs("seats_confirm", "busy_seats_confirm")
def test_seats_that_must_be_confirmed(calcom: Any, start: str) -> None:
    """Pending: identical -> 201 ours `""`; another attendee -> 201, pending, ANOTHER BOOKING (5 of 5).

    Accepted: identical -> 409 SIGNED-UP; another attendee -> 201, accepted, the same booking (5 of 5).
    """
    first, other = seat(calcom, "seats_confirm", start, "ann"), seat(calcom, "seats_confirm", start, "bob")
    again = seat(calcom, "seats_confirm", start, "ann")
    assert (again["uid"], again["status"], again["seatUid"]) == (first["uid"], "pending", "")
    assert (other["uid"] == first["uid"], other["status"]) == (False, "pending")

    calcom.call("POST", f"/v2/bookings/{first['uid']}/confirm")

    assert said(calcom, "seats_confirm", start, "ann") == "SIGNED-UP"
    joined = seat(calcom, "seats_confirm", start, "cy")
    assert (joined["uid"], joined["status"]) == (first["uid"], "accepted")
    calcom.book("busy_seats_confirm", later(start, 1), "busy@example.test")
    assert said(calcom, "seats_confirm", later(start, 1), "ann") == "TAKEN-USER"


@pytest.mark.needs("seats_confirm")
def test_seats_that_must_be_confirmed_beside_a_full_booking(calcom: Any, start: str) -> None:
    """The accepted booking of others full: ours absent -> 409 FULL; ours pending -> 201 ours, seatUid "" (5 of 5)."""
    full = seat(calcom, "seats_confirm", start, "bob")["uid"]
    ours = seat(calcom, "seats_confirm", start, "ann")["uid"]
    calcom.call("POST", f"/v2/bookings/{full}/confirm")
    for who in ("cy", "di"):
        assert seat(calcom, "seats_confirm", start, who)["uid"] == full

    again = seat(calcom, "seats_confirm", start, "ann")

    assert said(calcom, "seats_confirm", start, "eve") == "FULL"
    assert (again["uid"], again["status"], again["seatUid"]) == (ours, "pending", "")


@pytest.mark.needs("coll_seats")
def test_a_collective_with_seats_knows_who_is_signed_up(calcom: Any, start: str) -> None:
    """Identical -> 409 SIGNED-UP (5 of 5)."""
    seat(calcom, "coll_seats", start, "ann")

    assert said(calcom, "coll_seats", start, "ann") == "SIGNED-UP"


@pytest.mark.needs("seats")
def test_an_address_is_signed_up_by_its_letters(calcom: Any, start: str) -> None:
    """Another phone, another name -> 409 SIGNED-UP; another letter case -> 201, a seat of its own."""
    seat(calcom, "seats", start, "ann")
    other = {"name": "Annie Other", "timeZone": "UTC", "email": "ann@example.test", "phoneNumber": "+12025550143"}

    assert calcom.short(calcom.book("seats", start, attendee=other)) == "SIGNED-UP"
    assert said(calcom, "seats", start, "Ann") == "accepted"


@pytest.mark.needs("seats_phone")
def test_a_phone_only_attendee_is_signed_up_by_the_number(calcom: Any, start: str) -> None:
    """Seats, no e-mail, phone +4915112345678, twice: 201 `4915112345678@sms.cal.com`, then 409 SIGNED-UP (3 of 3)."""
    attendee = {"name": "Ann Fake", "timeZone": "Europe/Berlin", "phoneNumber": "+12025550143"}

    first, again = (calcom.book("seats_phone", start, attendee=attendee) for _ in range(2))

    assert first.json()["data"]["attendees"][0]["email"] == "12025550143@sms.cal.com"
    assert calcom.short(again) == "SIGNED-UP"


def test_a_cancelled_seat_may_be_told_as_not_found(simulator: Any, start: str) -> None:
    """404 `NOT_FOUND` "Invalid Query: The requested record was not found." (2 of 15), and the seat is gone."""
    simulator.order("/_settings", {"seat_cancel_says_404": 1})
    first, other = seat(simulator, "seats", start, "ann"), seat(simulator, "seats", start, "bob")

    answer = simulator.call("POST", f"/v2/bookings/{first['uid']}/cancel", json={**REASON, "seatUid": first["seatUid"]})

    wanted = {"code": "NOT_FOUND", "message": "Invalid Query: The requested record was not found."}
    assert (answer.status_code, answer.json()["error"]) == (404, wanted)
    left = simulator.call("GET", f"/v2/bookings/{first['uid']}").json()["data"]
    assert references(left) == {other["seatUid"]: "r-bob"}


def test_a_seat_that_was_half_made_hides_the_others(simulator: Any, start: str) -> None:
    """Cal.com killed between two inserts: Booking and Attendee without BookingSeat.

    `attendees:[{"email":...,"bookingFieldsResponses":{"name":"unknown"},"metadata":{}}]`, no seatUid, no metadata;
    slots no longer offer the time; the same attendee -> 409 SIGNED-UP; another one -> 201.
    """
    simulator.order("/_faults", {"kind": "kill", "step": "seat", "count": 1})
    with pytest.raises(OSError, match="reset"):
        seat(simulator, "seats", start, "ann")
    query = {"eventTypeId": 103, "start": start, "end": start.replace("10:00:00", "10:30:00")}

    slots = simulator.call("GET", "/v2/slots", params=query, headers={"cal-api-version": "2024-09-04"})

    [listed] = simulator.listed(eventTypeId=103)
    [half] = listed["attendees"]
    assert "seatUid" not in half
    assert (half["metadata"], half["bookingFieldsResponses"]) == ({}, {"name": "unknown"})
    assert "metadata" not in listed
    assert slots.json()["data"] == {}
    assert said(simulator, "seats", start, "ann") == "SIGNED-UP"
    assert seat(simulator, "seats", start, "bob")["uid"] == listed["uid"]

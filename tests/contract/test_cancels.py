"""Cancelling seats: one goes, the others stay, and a seat that is not there is refused."""

from __future__ import annotations

from typing import Any

import pytest

REASON = {"cancellationReason": "test"}


def seats(calcom: Any, start: str, *marks: str) -> list[dict[str, Any]]:
    """Book one seat for each mark on one slot, and return the answers."""
    return [calcom.book("seats", start, f"{mark}@example.test", metadata={"m": mark}).json()["data"] for mark in marks]


def cancel(calcom: Any, uid: str, **body: Any) -> Any:
    """Cancel."""
    return calcom.call("POST", f"/v2/bookings/{uid}/cancel", json={**REASON, **body})


@pytest.mark.needs("seats")
def test_a_seat_goes_and_the_others_stay(calcom: Any, start: str) -> None:
    """The booking lives on with its uid; the list shows who is left."""
    [first, second] = seats(calcom, start, "ann", "bob")

    answer = cancel(calcom, first["uid"], seatUid=first["seatUid"])

    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "accepted")
    [left] = [
        one
        for one in calcom.listed(attendeeEmail="bob@example.test", afterStart=start)
        if one["start"][:16] == start[:16]
    ]
    assert (left["uid"], [one["seatUid"] for one in left["attendees"]]) == (second["uid"], [second["seatUid"]])


@pytest.mark.needs("seats")
def test_the_last_seat_takes_the_booking_along(calcom: Any, start: str) -> None:
    """Then it is cancelled like any other."""
    [only] = seats(calcom, start, "cy")

    assert cancel(calcom, only["uid"], seatUid=only["seatUid"]).json()["data"]["status"] == "cancelled"
    assert "cancelled already" in cancel(calcom, only["uid"]).json()["error"]["message"]


@pytest.mark.needs("seats")
def test_a_seat_that_is_not_there_is_refused(calcom: Any, start: str) -> None:
    """Gone, unknown or another booking's: 400 A, and nothing is cancelled."""
    [first, second] = seats(calcom, start, "dan", "eve")
    other = calcom.book("plain", start.replace("T10", "T15")).json()["data"]  # plain and seats may have one host
    cancel(calcom, first["uid"], seatUid=first["seatUid"])

    for uid, seat, words in (
        (first["uid"], first["seatUid"], "does not exist or has already been cancelled"),
        (first["uid"], "nope", "does not exist or has already been cancelled"),
        (other["uid"], second["seatUid"], "does not belong to this booking"),
    ):
        answer = cancel(calcom, uid, seatUid=seat)
        assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True)
    assert calcom.call("GET", f"/v2/bookings/{other['uid']}").json()["data"]["status"] == "accepted"
    assert len(calcom.call("GET", f"/v2/bookings/{second['uid']}").json()["data"]["attendees"]) == 1


@pytest.mark.needs("seats", "plain", keys=("seats_host", "plain_owner"))
def test_a_host_cancels_with_a_reason(calcom: Any, start: str) -> None:
    """With the host's key, none or a blank one: 400 B "Cancellation reason is required"; a seat is no exception.

    "seat, no reason -> 400; seat with reason -> 200; host key, no or blank reason -> 400; no key, no reason -> 200".
    """
    [seat] = seats(calcom, start, "ann")
    plain = calcom.book("plain", start).json()["data"]["uid"]

    def gone(uid: str, headers: dict[str, str | None], **body: str) -> Any:
        return calcom.call("POST", f"/v2/bookings/{uid}/cancel", json=body, headers=headers)

    for refused in (
        gone(seat["uid"], calcom.as_("seats_host"), seatUid=seat["seatUid"]),
        gone(seat["uid"], calcom.as_("seats_host"), seatUid=seat["seatUid"], cancellationReason="  "),
        gone(plain, calcom.as_("plain_owner")),
    ):
        assert (refused.status_code, refused.json()["message"]) == (400, "Cancellation reason is required")
    assert gone(seat["uid"], calcom.as_("seats_host"), seatUid=seat["seatUid"], **REASON).status_code == 200
    assert gone(plain, {"Authorization": None}).status_code == 200

"""Reschedule: what a real Cal.com moves, what it refuses, and what it does not ask (docs/calcom.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

NOBODY: dict[str, str | None] = {"Authorization": None}


def later(start: str, hours: float) -> str:
    """Give a start some hours later."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def booked(calcom: Any, part: str, start: str, mark: str = "r1", email: str = "ann@example.test") -> dict[str, Any]:
    """Book, with a reference."""
    answer = calcom.book(part, start, email, metadata={"bookingWorkerRef": mark})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def move(calcom: Any, uid: str, start: str, headers: Any = None, **more: Any) -> Any:
    """Reschedule."""
    body = {"start": start, "reschedulingReason": "later please", **more}
    return calcom.call("POST", f"/v2/bookings/{uid}/reschedule", json=body, headers=headers or {})


def shown(calcom: Any, uid: str) -> dict[str, Any]:
    """GET by uid."""
    data: dict[str, Any] = calcom.call("GET", f"/v2/bookings/{uid}").json()["data"]
    return data


def message(answer: Any) -> str:
    """Give the words of a refusal."""
    body = answer.json()
    return str(body["message"] if "message" in body else body["error"]["message"])


def test_the_old_uid_says_where_it_went(calcom: Any, start: str) -> None:
    """A new uid with our reference; the old one again, also to another start, is a 400 that names the new one."""
    old = booked(calcom, "plain", start)["uid"]

    new = move(calcom, old, later(start, 2)).json()["data"]

    assert (new["status"], new["start"], new["rescheduledFromUid"]) == ("accepted", later(start, 2), old)
    assert (new["metadata"]["bookingWorkerRef"], new["reschedulingReason"]) == ("r1", "later please")
    assert (shown(calcom, old)["status"], shown(calcom, old)["rescheduledToUid"]) == ("cancelled", new["uid"])
    for hours in (2, 3):
        again = move(calcom, old, later(start, hours))
        assert (again.status_code, f"rescheduled already to booking with uid={new['uid']}." in message(again)) == (
            400,
            True,
        )
    cancelled = calcom.call("POST", f"/v2/bookings/{old}/cancel", json={"cancellationReason": "test"})
    assert (cancelled.status_code, "has been cancelled already" in message(cancelled)) == (400, True)
    assert shown(calcom, new["uid"])["status"] == "accepted"


def test_the_start_that_it_has_makes_a_new_uid(calcom: Any, start: str) -> None:
    """201: Cal.com does not ask whether anything changes."""
    old = booked(calcom, "plain", start)["uid"]

    answer = move(calcom, old, start)

    assert (answer.status_code, answer.json()["data"]["start"]) == (201, later(start, 0))
    assert answer.json()["data"]["uid"] != old
    assert calcom.short(calcom.book("plain", start, "bob@example.test")) == "TAKEN-USER"


def test_a_refused_move_leaves_the_booking_as_it_was(calcom: Any, start: str) -> None:
    """Taken, in the past, a start that is none, a property that nobody knows, an unknown uid."""
    uid = booked(calcom, "plain", start)["uid"]
    booked(calcom, "plain", later(start, 1), email="bob@example.test")

    taken = move(calcom, uid, later(start, 1))
    past = move(calcom, uid, "2020-01-06T09:00:00Z")
    none = move(calcom, uid, "soon")
    odd = move(calcom, uid, later(start, 2), foo=1)
    nobody = move(calcom, "nosuchuid1", later(start, 2))

    assert calcom.short(taken) == "TAKEN-USER"
    assert (past.status_code, message(past)) == (400, "Attempting to book a meeting in the past.")
    assert (none.status_code, "start must be a valid ISO 8601 date string" in message(none)) == (400, True)
    assert (odd.status_code, "property foo should not exist" in message(odd)) == (400, True)
    assert (nobody.status_code, message(nobody)) == (
        404,
        "Booking with uid=nosuchuid1 was not found in the database",
    )
    assert (shown(calcom, uid)["status"], shown(calcom, uid)["start"]) == ("accepted", later(start, 0))


def test_without_the_version_header_there_is_no_such_path(calcom: Any, start: str) -> None:
    """404 "Cannot POST"; a cancel is done by the older API, and answers 201."""
    uid = booked(calcom, "plain", start)["uid"]
    older = {"cal-api-version": None}

    moved = move(calcom, uid, later(start, 1), headers=older)
    cancelled = calcom.call("POST", f"/v2/bookings/{uid}/cancel", json={"cancellationReason": "x"}, headers=older)

    assert (moved.status_code, message(moved)) == (404, f"Cannot POST /v2/bookings/{uid}/reschedule")
    assert (cancelled.status_code, shown(calcom, uid)["status"]) == (201, "cancelled")


@pytest.mark.needs("plain", keys=("stranger",))
@pytest.mark.parametrize("role", [None, "stranger"])
def test_anybody_may_move_by_uid(calcom: Any, start: str, role: str | None) -> None:
    """Without a key, and with a stranger's: a uid is a secret."""
    uid = booked(calcom, "plain", start)["uid"]
    assert move(calcom, uid, later(start, 1), headers=calcom.as_(role) if role else NOBODY).status_code == 201


def test_a_cancelled_one_is_not_moved(calcom: Any, start: str) -> None:
    """400 A, which names no other booking."""
    uid = booked(calcom, "plain", start)["uid"]
    calcom.call("POST", f"/v2/bookings/{uid}/cancel", json={"cancellationReason": "test"})

    answer = move(calcom, uid, later(start, 1))

    assert answer.status_code == 400
    assert message(answer).startswith(f"Can't reschedule booking with uid={uid} because it has been cancelled.")


@pytest.mark.needs("day_limit")
def test_a_limit_a_day_counts_the_others_alone(calcom: Any, start: str) -> None:
    """To another hour of its day: 201; to a day that has one: 401 B."""
    first = booked(calcom, "day_limit", start)
    booked(calcom, "day_limit", later(start, 24), email="bob@example.test")

    moved = move(calcom, first["uid"], later(start, 2))

    assert moved.status_code == 201
    assert calcom.short(move(calcom, moved.json()["data"]["uid"], later(start, 26))) == "LIMIT"


@pytest.mark.needs("confirm", keys=("confirm_host",))
def test_with_the_organizers_key_nobody_is_asked(calcom: Any, start: str) -> None:
    """A pending one is accepted at once; without a key the host is asked again, and the old time is given up."""
    pending, other = (booked(calcom, "confirm", later(start, hours)) for hours in (0, 1))

    by_host = move(calcom, pending["uid"], later(start, 3), headers=calcom.as_("confirm_host")).json()["data"]
    by_nobody = move(calcom, other["uid"], later(start, 4), headers=NOBODY).json()["data"]

    assert (pending["status"], by_host["status"], by_nobody["status"]) == ("pending", "accepted", "pending")
    assert shown(calcom, other["uid"])["status"] == "cancelled"
    calcom.call("POST", f"/v2/bookings/{by_nobody['uid']}/decline", headers=calcom.as_("confirm_host"))
    assert [shown(calcom, uid)["status"] for uid in (other["uid"], by_nobody["uid"])] == ["cancelled", "rejected"]
    declined = move(calcom, by_nobody["uid"], later(start, 5), headers=NOBODY)
    assert (declined.status_code, message(declined)) == (404, "Could not find original booking")


@pytest.mark.needs("round_robin")
def test_round_robin_gives_back_the_attendees_other_booking(calcom: Any, start: str) -> None:
    """201 with another reference, and nothing was moved."""
    ours, other = booked(calcom, "round_robin", start), booked(calcom, "round_robin", later(start, 1), "r2")

    answer = move(calcom, ours["uid"], later(start, 1))

    assert (answer.status_code, answer.json()["data"]["uid"]) == (201, other["uid"])
    assert answer.json()["data"]["metadata"]["bookingWorkerRef"] == "r2"
    assert (shown(calcom, ours["uid"])["status"], shown(calcom, ours["uid"])["start"]) == ("accepted", later(start, 0))


def test_the_notice_is_asked_of_who_is_not_the_organizer(simulator: Any) -> None:
    """403 B without a key; 201 with the organizer's."""
    start = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:00:00Z")
    soon = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:00:00Z")
    uid = booked(simulator, "move_notice", start)["uid"]

    refused = move(simulator, uid, soon, headers=NOBODY)

    assert (refused.status_code, message(refused)) == (
        403,
        "Rescheduling is not allowed within the minimum notice period before the event",
    )
    assert move(simulator, uid, soon, headers=simulator.as_("notice_host")).status_code == 201


def test_a_host_revives_declines_and_asks_for_another_time(simulator: Any, start: str) -> None:
    """Confirm of a cancelled booking: accepted again; "ask for time": cancelled, moved to "undefined"."""
    uids = [booked(simulator, "confirm", later(start, hours))["uid"] for hours in (0, 1)]
    asked = booked(simulator, "plain", start)["uid"]
    for uid in uids:
        simulator.call("POST", f"/v2/bookings/{uid}/cancel", json={"cancellationReason": "test"})
    for uid, deed in zip(uids, ("confirm", "decline"), strict=True):
        simulator.call("POST", f"/v2/bookings/{uid}/{deed}")
    simulator.order("/_persons", {"do": "ask_for_time", "uid": asked})

    answer = move(simulator, asked, later(start, 2))

    assert [shown(simulator, uid)["status"] for uid in uids] == ["accepted", "rejected"]
    assert "rescheduledToUid" not in shown(simulator, asked)
    assert (answer.status_code, "rescheduled already to booking with uid=undefined." in message(answer)) == (400, True)


def test_what_allows_no_cancelling_is_moved_all_the_same(simulator: Any, start: str) -> None:
    """400 B to a cancel."""
    uid = booked(simulator, "no_cancelling", start)["uid"]
    answer = simulator.call("POST", f"/v2/bookings/{uid}/cancel", json={"cancellationReason": "test"})

    assert (answer.status_code, message(answer)) == (400, "This event type does not allow cancellations")
    assert move(simulator, uid, later(start, 1)).status_code == 201

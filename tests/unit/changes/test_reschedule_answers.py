"""What an answer to a reschedule means: each row of the table "Reschedule" in docs/calcom.md."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.changes.reply import ChangeAnswer
from tasks.calcom.changes.reschedule import read_reschedule, reschedule_body
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import SettleAfter
from tests.support.calcom.answers import (
    BOUNDS,
    DB,
    ISE,
    LIMIT,
    SIGNED_UP,
    TAKEN_HOSTS,
    TAKEN_USER,
    created,
    refused,
    whole,
)

A = ChangeAnswer
BAD, MISSING = "BadRequestException", "NotFoundException"
WANTED = datetime(2031, 4, 18, 9, tzinfo=UTC)
OLD = "svcFUHo~"
MOVED = f"Can't reschedule booking with uid={OLD} because it has been cancelled and rescheduled already to booking with"
MOVED += " uid="


def booked(start: str = "2031-04-18T09:00:00Z", ref: str | None = "ours", **more: Any) -> Answer:
    """Return a 201 with a booking at `start` that carries a reference."""
    metadata = {} if ref is None else {"metadata": {"ref": ref}}
    return created(json.dumps({"uid": "as5kbVx~", "status": "accepted", "start": start, **metadata, **more}))


def seated(seat_uid: str, *refs: str, start: str = "2031-04-18T09:00:00Z") -> Answer:
    """Return a 201 with a seated booking."""
    attendees = [{"seatUid": f"seat-{ref}", "metadata": {"ref": ref}} for ref in refs]
    return booked(start, None, seatUid=seat_uid, attendees=attendees)


ROWS: dict[str, tuple[Answer | NoAnswer, ChangeAnswer]] = {
    "201 ours at the wanted start": (booked(), A.MOVED),
    "201 in another zone's words": (booked("2031-04-18T11:00:00.000+02:00"), A.MOVED),
    "201 ours at another start": (booked("2031-04-18T10:00:00Z"), A.OTHER_BOOKING),
    "201 another's at the wanted start": (booked(ref="theirs"), A.OTHER_BOOKING),
    "201 without a reference": (booked(ref=None), A.OTHER_BOOKING),
    "seat, 201": (seated("new", "ours"), A.MOVED),
    "seat, 201 of a replica that lags": (seated("new", "theirs"), A.MOVED),
    "seat, 201 that hides all": (seated("new"), A.MOVED),
    "seat, 201 of an existing booking": (seated("", "ours"), A.OTHER_BOOKING),
    "seat, 201 at another start": (seated("new", "ours", start="2031-04-18T10:00:00Z"), A.OTHER_BOOKING),
    "moved already": (refused((400, BAD, f"{MOVED}as5kbVx~. You probably want to ...")), A.MOVED_BEFORE),
    "its host asked for another time": (refused((400, BAD, f"{MOVED}undefined. You ...")), A.CANCELLED_THERE),
    "cancelled": (
        refused((400, BAD, f"Can't reschedule booking with uid={OLD} because it has been cancelled. ...")),
        A.CANCELLED_THERE),
    "cancelled, by the primary": (refused((400, "B", "cancelled_bookings_cannot_be_rescheduled")), A.CANCELLED_THERE),
    "taken": (refused(TAKEN_USER), A.TAKEN),
    "taken, of a team": (refused(TAKEN_HOSTS), A.TAKEN),
    "bounds": (refused(BOUNDS), A.REFUSED),
    "past": (refused((400, BAD, "Attempting to book a meeting in the past.")), A.REFUSED),
    "limit": (refused(LIMIT), A.REFUSED),
    "notice": (
        refused((403, "B", "Rescheduling is not allowed within the minimum notice period before the event")),
        A.REFUSED),
    "signed up": (refused(SIGNED_UP), A.REFUSED),
    "seats, pending": (refused((404, "B", "booking_not_found_error")), A.REFUSED),
    "no such seat": (refused((404, MISSING, "Seat with uid=81f5d47d~ does not exist.")), A.SEAT_GONE),
    "declined": (refused((404, "B", "Could not find original booking")), A.ORIGINAL_GONE),
    "a seat that joined another": (
        refused((400, BAD, f"Booking with uid={OLD} is a seated booking which means you have to provide seatUid ...")),
        A.ORIGINAL_GONE),
    "one seat moved twice at once": (
        refused((404, "NOT_FOUND", "Invalid Query: The requested record was not found.")), A.PROBABLY_DONE),
    "not found": (
        refused((404, MISSING, "Booking with uid=nosuchuid1 was not found in the database")), A.NOT_FOUND),
    "database": (refused(DB), A.UNKNOWN),
    "500": (refused(ISE), A.UNKNOWN),
    "a database's own words": (refused((500, "B", "no insert")), A.UNKNOWN),
    "no version header": (refused((404, MISSING, f"Cannot POST /v2/bookings/{OLD}/reschedule")), A.CONFIGURATION),
    "wrong key": (refused((401, "UnauthorizedException", "CustomThrottlerGuard - Invalid API Key")), A.CREDENTIALS),
    "429": (refused((429, "ThrottlerException", "CustomThrottlerGuard - Too many requests.")), A.THROTTLED),
    "refused connection": (NoAnswer(sent=False, error_type="connect", message="", elapsed=1), A.NOT_SENT),
    "time-out": (NoAnswer(sent=True, error_type="timeout", message="", elapsed=40), A.UNKNOWN),
    "502": (Answer(502, {}, b"<html>", 0.1), A.UNKNOWN),
    "a page": (Answer(302, {}, b"<html>", 0.1), A.UNKNOWN),
    "201 without a booking": (whole(201, {"status": "success", "data": {}}), A.UNKNOWN),
    "cut": (Answer(201, {}, b'{"data": {"uid"', 0.1, truncated=True), A.UNKNOWN),
}  # fmt: skip
UNANSWERED = {"time-out", "502", "a page", "201 without a booking", "cut"}


def read(row: str, **more: Any) -> Any:
    """Read the answer of a row."""
    return read_reschedule(ROWS[row][0], reference="ours", start=WANTED, seat=row.startswith("seat, "), **more)


@pytest.mark.parametrize("row", ROWS)
def test_each_answer_to_a_reschedule_is_read(row: str) -> None:
    """Starts are compared as instants, and of a 201 our reference counts only with the wanted start."""
    reply = read(row)

    assert reply.answer is ROWS[row][1]
    assert (reply.settle_after is SettleAfter.UNANSWERED) == (row in UNANSWERED)


def test_a_move_shows_where_the_booking_is() -> None:
    """A seat's new uid is in the answer, also where the attendees are a replica's."""
    assert read("201 ours at the wanted start").uid == "as5kbVx~"
    assert {read(row).seat_uid for row in ("seat, 201", "seat, 201 of a replica that lags")} == {"new"}
    assert read("moved already").uid == "as5kbVx~"


@pytest.mark.parametrize("row", ["429", "wrong key"])
def test_a_call_without_our_key_says_nothing_about_our_key(row: str) -> None:
    """Cal.com counts the calls of our address then."""
    assert read(row).outcome is not CallOutcome.IGNORED
    assert read(row, keyless=True).outcome is CallOutcome.IGNORED


def test_a_start_is_sent_in_utc_and_whole_seconds() -> None:
    """A seat's body holds no reason: Cal.com refuses it as an unknown property."""
    local = datetime(2031, 4, 18, 11, tzinfo=timezone(timedelta(hours=2)))

    moved = reschedule_body(local, reason="later please")
    assert moved == {"start": "2031-04-18T09:00:00Z", "reschedulingReason": "later please"}
    seat = reschedule_body(local, reason="later please", seat_uid="s1")
    assert seat == {"start": "2031-04-18T09:00:00Z", "seatUid": "s1"}

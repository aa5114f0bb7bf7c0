"""What an answer to a cancel means: each row of the table "Cancel" in docs/calcom.md, as a real Cal.com answers."""

import json
from typing import Any

import pytest

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.changes.cancel import NOT_THERE, cancel_body, read_cancel
from tasks.calcom.changes.reply import ChangeAnswer
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import SettleAfter
from tests.support.calcom.answers import DB, ISE, Refusal, refused, shown, whole

A = ChangeAnswer
BAD, MISSING = "BadRequestException", "NotFoundException"
AGAIN = "Can't cancel booking with uid=tZKSijN~ because it has been cancelled already. ..."
SEAT = "53f75277~"


def seated(*seats: str, status: str = "accepted") -> str:
    """Return a booking with these seats."""
    return json.dumps({"uid": "b1", "status": status, "attendees": [{"seatUid": seat} for seat in seats]})


def page(status: int) -> Answer:
    """Return a proxy's page."""
    return Answer(status, {}, b"<html><body>no</body></html>", 0.1)


def gone(*, sent: bool, error_type: str) -> NoAnswer:
    """Return no answer."""
    return NoAnswer(sent=sent, error_type=error_type, message="", elapsed=1.0)


ROWS: dict[str, tuple[Answer | NoAnswer, ChangeAnswer]] = {
    "200 cancelled": (shown('{"uid": "b1", "status": "cancelled"}'), A.CANCELLED),
    "200 without the seat": (shown(seated("other")), A.CANCELLED),
    "200 the last seat": (shown(seated(status="cancelled")), A.CANCELLED),
    "200 that shows it alive": (shown('{"uid": "b1", "status": "accepted"}'), A.PROBABLY_DONE),
    "200 with the seat": (shown(seated(SEAT, "other")), A.PROBABLY_DONE),
    "200 of a series": (
        shown('[{"uid": "w1", "status": "cancelled"}, {"uid": "w2", "status": "cancelled"}]'), A.CANCELLED),
    "200 of a series that is over in part": (
        shown('[{"uid": "w1", "status": "accepted"}, {"uid": "w2", "status": "cancelled"}]'), A.PROBABLY_DONE),
    "cancelled already": (refused((400, BAD, AGAIN)), A.CANCELLED_BEFORE),
    "cancelled already, by the primary": (
        refused((400, "B", "This booking has already been cancelled.")), A.CANCELLED_BEFORE),
    "no such seat": (
        refused((400, BAD, "Invalid seatUid: this seat does not exist or has already been cancelled.")), A.SEAT_GONE),
    "a seat of another booking": (
        refused((400, BAD, "Invalid seatUid: this seat does not belong to this booking.")), A.SEAT_ELSEWHERE),
    "a seat, raced": (
        refused((404, "NOT_FOUND", "Invalid Query: The requested record was not found.")), A.PROBABLY_DONE),
    "no series": (
        refused((400, BAD, "Booking with bookingUid=mF5kVbE~ is not part of a recurring booking.")), A.PROBABLY_DONE),
    "not found": (refused((404, MISSING, "Booking with uid=nosuchuid123 not found")), A.NOT_FOUND),
    "over": (refused((400, "B", "Cannot cancel a booking that has already ended")), A.OVER),
    "not allowed": (refused((400, "B", "This event type does not allow cancellations")), A.NOT_ALLOWED),
    "without a seat": (refused((401, "B", "User not a host of this event")), A.FAULTY),
    "without a reason": (refused((400, "B", "Cancellation reason is required")), A.FAULTY),
    "an older version": (whole(201, {}), A.OLD_VERSION),
    "wrong key": (refused((401, "UnauthorizedException", "CustomThrottlerGuard - Invalid API Key")), A.CREDENTIALS),
    "429": (refused((429, "ThrottlerException", "CustomThrottlerGuard - Too many requests.")), A.THROTTLED),
    "no such path": (refused((404, MISSING, "Cannot POST /v2/bookings/b1/cancel")), A.CONFIGURATION),
    "refused connection": (gone(sent=False, error_type="connect"), A.NOT_SENT),
    "reset": (gone(sent=True, error_type="reset"), A.UNKNOWN),
    "time-out": (gone(sent=True, error_type="timeout"), A.UNKNOWN),
    "500": (refused(ISE), A.UNKNOWN),
    "database": (refused(DB), A.UNKNOWN),
    "502": (page(502), A.UNKNOWN),
    "a page": (page(302), A.UNKNOWN),
    "a firewall's page": (page(403), A.UNKNOWN),
    "a guard's": (refused((403, "B", "Forbidden resource")), A.UNKNOWN),
    "200 without a booking": (whole(200, {"status": "success"}), A.UNKNOWN),
    "202": (whole(202, {"statusCode": 202, "message": "Accepted"}), A.UNKNOWN),
    "cut": (Answer(200, {}, b'{"status": "succ', 0.1, truncated=True), A.UNKNOWN),
    "words that no row names": (refused((400, BAD, "The moon is full")), A.UNKNOWN),
}  # fmt: skip
UNANSWERED = {
    "reset", "time-out", "502", "a page", "a firewall's page", "a guard's", "200 without a booking", "202", "cut",
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_each_answer_to_a_cancel_is_read(row: str) -> None:
    """Into a closed set; the time until no POST can be at work follows from who has answered."""
    given, means = ROWS[row]
    reply = read_cancel(given, seat_uid=SEAT if "seat" in row else None)

    assert reply.answer is means
    assert (reply.settle_after is SettleAfter.UNANSWERED) == (row in UNANSWERED)


def test_a_cancel_that_was_clearly_answered_is_no_failure_of_cal_com() -> None:
    """Not even where a replica lags: then each cancel would count towards an outage."""
    clear = [row for row, (_, means) in ROWS.items() if means not in {A.UNKNOWN, A.NOT_SENT}]
    outcomes = {row: read_cancel(ROWS[row][0], seat_uid=None).outcome for row in clear}

    assert set(outcomes.values()) == {
        CallOutcome.SUCCESS,
        CallOutcome.CREDENTIALS,
        CallOutcome.CONFIGURATION,
        CallOutcome.THROTTLED,
    }


@pytest.mark.parametrize("row", ["200 cancelled", "200 the last seat", "cancelled already", "no such seat"])
def test_what_is_gone_is_cancelled_now_or_before(row: str) -> None:
    """Both are the same to the audit, which cancels a double under the uid that it has just seen."""
    assert ROWS[row][1] in NOT_THERE


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ({}, {}),
        ({"seat_uid": SEAT}, {"seatUid": SEAT}),
        ({"subsequent": True}, {"cancelSubsequentBookings": True}),
    ],
)
def test_a_cancel_always_has_its_reason(more: dict[str, Any], body: dict[str, Any]) -> None:
    """Also that of a seat: with the host's key, and for some event types, Cal.com refuses a cancel without it."""
    assert cancel_body("changed my mind", **more) == {"cancellationReason": "changed my mind", **body}


def test_a_message_is_kept_and_made_safe() -> None:
    """It is for the operator and the record."""
    words: Refusal = (400, "B", "This event type does not allow cancellations")
    assert read_cancel(refused(words), seat_uid=None).message == words[2]

"""Why a second POST is refused, and when Cal.com has said so, on answers recorded from a real Cal.com."""

from datetime import UTC, datetime

import pytest

from tasks.calcom.classify import read_post
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import Reply, ReplyKind, SettleAfter
from tests.support.calcom.answers import (
    BOUNDS,
    DATE,
    DB,
    FULL,
    ISE,
    LIMIT,
    MAX,
    REFUSALS,
    SIGNED_UP,
    TAKEN_HOSTS,
    TAKEN_USER,
    max_uid,
    refused,
)

A_500 = b'{"statusCode":500,"message":"no"}'


def read(answer: Answer | NoAnswer) -> Reply:
    """Read an answer to a POST."""
    return read_post(answer, reference="r1")


@pytest.mark.parametrize(
    ("answer", "dated"),
    [
        (refused(ISE), True),
        (refused(TAKEN_USER), True),
        (refused(LIMIT), True),
        (Answer(503, {"date": DATE}, A_500, 0.1), False),
        (Answer(403, {"date": DATE}, b"<html>", 0.1), False),
        (Answer(500, {"date": DATE}, A_500, 0.1, truncated=True), False),
        (Answer(500, {}, A_500, 0.1), False),
        (Answer(500, {"date": "yesterday"}, A_500, 0.1), False),
        (NoAnswer(sent=True, error_type="reset", message="", elapsed=1), False),
    ],
)
def test_when_it_answered_is_said_by_calcoms_clock_alone(answer: Answer | NoAnswer, dated: bool) -> None:  # noqa: FBT001 - a column
    """A proxy has a clock of its own, and so have we."""
    assert read(answer).answered_at == (datetime(2026, 11, 25, 15, 48, 41, tzinfo=UTC) if dated else None)


@pytest.mark.parametrize(
    ("refusal", "reply_kind", "uid"),
    [
        (TAKEN_USER, ReplyKind.TAKEN, None),
        (TAKEN_HOSTS, ReplyKind.TAKEN, None),
        (BOUNDS, ReplyKind.BOUNDS, None),
        (LIMIT, ReplyKind.EVENT_TYPE_LIMIT, None),
        (SIGNED_UP, ReplyKind.SIGNED_UP, None),
        (FULL, ReplyKind.FULL, None),
        (MAX, ReplyKind.ATTENDEE_LIMIT, None),
        (max_uid("9wLYAq1~"), ReplyKind.ATTENDEE_LIMIT, "9wLYAq1~"),
        (max_uid("not a uid"), ReplyKind.ATTENDEE_LIMIT, None),
        (DB, ReplyKind.UNKNOWN, None),
        (ISE, ReplyKind.UNKNOWN, None),
    ],
)
def test_each_refusal_of_a_second_post_has_a_word_of_its_own(
    refusal: tuple[int, str, str], reply_kind: ReplyKind, uid: str | None
) -> None:
    """For what each of them proves differs from kind to kind (docs/evidence.md)."""
    reply = read(refused(refusal))

    assert (reply.kind, reply.uid, reply.settle_after) == (reply_kind, uid, SettleAfter.ANSWERED)
    assert (reply_kind in REFUSALS) == (reply_kind is not ReplyKind.UNKNOWN)

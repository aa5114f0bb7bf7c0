"""What a row keeps of a refusal says which one it was."""

import pytest

from resilience.circuit_breaker.types import CallOutcome
from tasks.attempts.refusal import as_refusal, refused_as, rejected
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tests.support.calcom.answers import REFUSALS


@pytest.mark.parametrize("reply_kind", sorted(REFUSALS))
def test_a_refusal_is_read_as_the_kind_that_was_kept(reply_kind: ReplyKind) -> None:
    """Another worker takes the row next, and ends it by this word."""
    reply = Reply(kind=reply_kind, outcome=CallOutcome.SUCCESS, error_type=ErrorType.REFUSED, message="no")
    assert refused_as(as_refusal(reply)) is reply_kind


@pytest.mark.parametrize("reply_kind", sorted(REFUSALS))
def test_a_booking_whose_time_is_taken_ends_as_taken(reply_kind: ReplyKind) -> None:
    """The caller's sentence hangs on it: who hears "taken" is asked for another time."""
    taken = reply_kind in {ReplyKind.TAKEN, ReplyKind.FULL}
    assert rejected(reply_kind, "no").columns["error_type"] == (ErrorType.TAKEN if taken else ErrorType.REFUSED)

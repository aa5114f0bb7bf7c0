"""What a row keeps of a refusal says which one it was."""

import pytest

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.unknown.refusal import as_refusal, refused_as
from tests.support.calcom.answers import REFUSALS


@pytest.mark.parametrize("reply_kind", sorted(REFUSALS))
def test_a_refusal_is_read_as_the_kind_that_was_kept(reply_kind: ReplyKind) -> None:
    """Another worker takes the row next, and ends it by this word."""
    reply = Reply(kind=reply_kind, outcome=CallOutcome.SUCCESS, error_type=ErrorType.REFUSED, message="no")
    assert refused_as(as_refusal(reply)) is reply_kind

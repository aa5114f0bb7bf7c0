"""What the answer to cancelling a seat means, where it is neither a yes nor a no."""

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.cancel import read_cancel
from tasks.calcom.reply import ReplyKind
from tests.support.calcom_answers import refused


def test_a_seat_of_which_the_record_is_not_found_may_be_cancelled_by_this_very_call() -> None:
    """In 2 of 15 it answered so, and the seat was gone: only a look can tell."""
    reply = read_cancel(
        refused((404, "NOT_FOUND", "Invalid Query: The requested record was not found.")), seat_uid="6686f844~"
    )

    assert reply is not None
    assert (reply.kind, reply.outcome) == (ReplyKind.UNKNOWN, CallOutcome.SUCCESS)

"""Times of the HTTP API that are promised, each the sum of others."""

from booking_client import asking
from worker.api import app, calls, gate, serve
from worker.api.calcom_webhooks import receive

REVOKED_WITHIN = 5.0  # seconds: `booking keys revoke --help`
WEBHOOK_WITHIN = 0.25


def test_a_revoked_key_is_refused_within_five_seconds() -> None:
    """It counts as read for a while, and then it is read again, which takes a statement's patience at most."""
    assert gate.FRESH + asking.PATIENCE < REVOKED_WITHIN


def test_a_call_that_has_begun_may_end_before_its_process_is_killed() -> None:
    """Ten seconds are promised; a statement and its lock are given up long before."""
    assert calls.ENDS_WITHIN == 10.0
    assert calls.ENDS_WITHIN < serve.LAST_CALLS
    assert app.LOCK_TIMEOUT_MS / 1000 < asking.PATIENCE < calls.ENDS_WITHIN


def test_a_webhook_is_answered_in_a_quarter_of_a_second() -> None:
    """Whatever Postgres does."""
    assert receive.WITHIN < WEBHOOK_WITHIN

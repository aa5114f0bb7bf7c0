"""What happens next to a booking, rule by rule (docs/calcom.md)."""

from collections.abc import Callable
from typing import Any

import pytest

from db.appointment import Appointment
from db.lifecycle import HoldReason, Status
from resilience.permit import Reason
from resilience.retry_policy import RetryPolicy
from tasks.calcom.meaning import ErrorType, Meaning, Reply, Verdict
from tasks.life import Rules
from tasks.parts import Terms
from tasks.steps import In, Next

Row = Callable[..., Appointment]
RULES = Rules(RetryPolicy(jitter=0), Terms(), key="key-1", settings="settings-1")


def reply(meaning: Meaning, error: ErrorType = ErrorType.NONE, **more: Any) -> Reply:
    """Say what Cal.com said."""
    return Reply(meaning=meaning, verdict=Verdict.IGNORED, error_type=error, **more)


@pytest.mark.parametrize(("used", "delay"), [(0, 1.0), (1, 2.0), (2, 4.0)])
def test_a_call_that_was_never_sent_is_tried_again_after_1_2_4_seconds(row: Row, used: int, delay: float) -> None:
    """Nothing was booked, so the next POST costs one retry and waits the policy's delay."""
    step = RULES.again(row(retry_count=used), ErrorType.CONNECT, "refused")
    assert (step.to, step.retry_in, step.changes["retry_count"]) == (Status.RETRYING, delay, used + 1)


def test_an_outage_fails_nobody(row: Row) -> None:
    """Retries used up on a refused connection hold the booking; they never fail it."""
    step = RULES.again(row(retry_count=3), ErrorType.CONNECT, "refused")
    assert (step.to, step.changes.get("hold_reason")) == (Status.HELD, HoldReason.UNREACHABLE)
    assert step.changes.get("hold_until") == In(Terms().open)


@pytest.mark.parametrize(
    ("meaning", "reason", "column", "value"),
    [
        (Meaning.CREDENTIALS, HoldReason.CREDENTIALS, "held_for", "key-1"),
        (Meaning.CONFIGURATION, HoldReason.CONFIGURATION, "held_for", "settings-1"),
    ],
)
def test_an_operators_error_holds_and_costs_no_retry(
    row: Row, meaning: Meaning, reason: HoldReason, column: str, value: object
) -> None:
    """A revoked key and a wrong URL hold the booking until what they wait for has changed."""
    step = RULES.held(row(), reply(meaning, retry_after=17.0))
    assert (step.to, step.changes.get("hold_reason"), step.changes.get(column)) == (Status.HELD, reason, value)
    assert "retry_count" not in step.changes


@pytest.mark.parametrize(("posts", "pause"), [(0, 60), (1, 120), (3, 480), (6, 3600), (999, 3600)])
def test_a_booking_that_alone_meets_a_page_waits_longer_each_time(row: Row, posts: int, pause: float) -> None:
    """A minute, as long as the harmless call; then less and less often, or each such booking would cost a call a minute."""
    step = RULES.held(row(posts=posts), reply(Meaning.CONFIGURATION))

    assert step.changes.get("hold_until") == In(pause)


def test_what_a_wrong_configuration_lets_nobody_send_is_held_for_the_settings(row: Row) -> None:
    """Nothing was sent: it goes as soon as the settings are known to reach Cal.com."""
    step = RULES.not_now(row(), Reason.CONFIGURATION, known=True, retry=False)

    assert (step.changes.get("hold_reason"), step.changes.get("held_for")) == (HoldReason.CONFIGURATION, "settings-1")
    assert "hold_until" not in step.changes


@pytest.mark.parametrize(("blame", "reason"), [(False, HoldReason.BREAKER_OPEN), (True, HoldReason.SUSPECT)])
def test_an_outage_makes_nobody_suspect(row: Row, blame: bool, reason: HoldReason) -> None:  # noqa: FBT001 - a column
    """A third failed probe is the booking's own fault only when Cal.com was there to choke on it."""
    failed = RULES.again(row(), ErrorType.CONNECT, "refused")
    step = RULES.instead_of_retry(row(probe_failures=2), failed, shut=True, probe_failed=True, blame=blame)
    assert (step.to, step.changes.get("hold_reason")) == (Status.HELD, reason)
    assert "retry_count" not in step.changes


def test_a_denied_post_after_a_settled_look_keeps_what_the_look_showed(row: Row) -> None:
    """Nothing is booked, and the POST to come costs its retry; the hold itself costs none."""
    step = RULES.not_now(row(outcome_unknown=True, retry_count=1), Reason.THROTTLED, known=True, retry=True)
    assert (step.to, step.changes["outcome_unknown"], step.changes["retry_count"]) == (Status.HELD, False, 2)


def test_a_booking_that_cannot_be_looked_at_leaves_the_line() -> None:
    """Only the list is down: others may be booked, and must not wait behind this one."""
    step = RULES.not_looked(12.0)
    assert (step.changes.get("hold_reason"), step.changes.get("hold_until")) == (HoldReason.UNREACHABLE, In(12.0))


def test_a_booking_whose_time_has_come_is_not_posted(row: Row) -> None:
    """With nothing unknown about it, it ends expired."""
    step = RULES.before_post(row(), starts_in=0)
    assert isinstance(step, Next)
    assert step.to is Status.EXPIRED


def test_a_cancelled_booking_is_not_posted(row: Row) -> None:
    """What the operator asked for before the first byte is done."""
    step = RULES.before_post(row(cancel_requested=True), starts_in=1e6)
    assert isinstance(step, Next)
    assert step.to is Status.CANCELLED

"""What happens next to a booking, rule by rule (docs/calcom.md)."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db import migrations
from db.appointments.appointment import Appointment
from db.lifecycle import PROBES_BEFORE_REST, HoldReason, Status
from db.sql import statement
from resilience.circuit_breaker.types import CallOutcome, Reason
from resilience.retry_policy import RetryPolicy
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.dependencies import Timings
from tasks.work.decisions import FAULTS, BookingDecisions
from tasks.work.moves import FromNow, Move, Posted, Proceed, unbookable

Row = Callable[..., Appointment]
RULES = BookingDecisions(RetryPolicy(jitter=0), Timings(), key="key-1", settings="settings-1")


def reply(reply_kind: ReplyKind, error: ErrorType = ErrorType.NONE, **more: Any) -> Reply:
    """Say what Cal.com said."""
    return Reply(**{"kind": reply_kind, "outcome": CallOutcome.IGNORED, "error_type": error, **more})


def failed(outcome: CallOutcome, *, probe: bool = False, blocked: bool = False) -> Posted:
    """Say what came of a POST that failed."""
    return Posted(reply(ReplyKind.UNKNOWN, ErrorType.HTTP_500, outcome=outcome), probe=probe, blocked=blocked)


@pytest.mark.parametrize(("used", "delay"), [(0, 1.0), (1, 2.0), (2, 4.0)])
def test_a_call_that_was_never_sent_is_tried_again_after_1_2_4_seconds(row: Row, used: int, delay: float) -> None:
    """Nothing was booked, so the next POST costs one retry and waits the policy's delay."""
    step = RULES.again(row(retry_count=used), ErrorType.CONNECT, "refused")
    assert (step.to, step.retry_in, step.columns["retry_count"]) == (Status.RETRYING, delay, used + 1)


def test_an_outage_fails_nobody(row: Row) -> None:
    """Retries used up on a refused connection hold the booking; they never fail it."""
    step = RULES.again(row(retry_count=3), ErrorType.CONNECT, "refused")
    assert (step.to, step.columns.get("hold_reason")) == (Status.HELD, HoldReason.UNREACHABLE)
    assert step.columns.get("hold_until") == FromNow(Timings().open)


@pytest.mark.parametrize(
    ("reply_kind", "reason", "column", "value"),
    [
        (ReplyKind.CREDENTIALS, HoldReason.CREDENTIALS, "held_for", "key-1"),
        (ReplyKind.CONFIGURATION, HoldReason.CONFIGURATION, "held_for", "settings-1"),
    ],
)
def test_an_operators_error_holds_and_costs_no_retry(
    row: Row, reply_kind: ReplyKind, reason: HoldReason, column: str, value: object
) -> None:
    """A revoked key and a wrong URL hold the booking until what they wait for has changed."""
    step = RULES.held(row(), reply(reply_kind, retry_after=17.0))
    assert (step.to, step.columns.get("hold_reason"), step.columns.get(column)) == (Status.HELD, reason, value)
    assert "retry_count" not in step.columns


@pytest.mark.parametrize(("posts", "pause"), [(0, 60), (1, 120), (3, 480), (6, 3600), (999, 3600)])
def test_a_booking_that_alone_meets_a_page_waits_longer_each_time(row: Row, posts: int, pause: float) -> None:
    """A minute, as the harmless call; then less and less often, or each such booking would cost a call a minute."""
    step = RULES.held(row(posts=posts), reply(ReplyKind.CONFIGURATION))
    retried = RULES.held(row(posts=posts + 2, retry_count=2), reply(ReplyKind.CONFIGURATION))

    assert step.columns.get("hold_until") == retried.columns.get("hold_until") == FromNow(pause)


def test_no_hold_outlasts_the_time_in_which_it_can_still_be_booked(row: Row) -> None:
    """Else a booking for ten minutes from now, which has met a page four times, would expire without a last try."""
    now = row().updated_at
    soon = row(posts=4, probe_failures=9, updated_at=now, start_at=now + timedelta(minutes=10))
    probe = failed(CallOutcome.FAILURE_ENDPOINT, probe=True, blocked=True)
    steps = (
        RULES.held(soon, reply(ReplyKind.CONFIGURATION)),
        RULES.retry(soon, "try again", {}, 1.0, posted=probe, used=1),
    )
    over = RULES.timings.lead + RULES.timings.margin
    sooner = row(updated_at=now, start_at=now + timedelta(seconds=over + 30))

    assert [step.columns.get("hold_until") for step in steps] == [FromNow(600 - over)] * 2
    assert RULES.no_event_type(sooner, "there is none").columns.get("hold_until") == FromNow(30)


def test_the_statements_have_the_words_and_numbers_of_the_rules() -> None:
    """They are literals there, or no prepared statement would be served by a partial index."""
    [faults] = re.findall(r"error_type IN \(([^)]*)\)", statement("waiting").text)
    migration = (Path(migrations.__path__[0]) / "initial" / "booking_indexes.sql").read_text("utf-8")
    [resting] = re.findall(r"CREATE INDEX appointments_resting[^;]*;", migration)
    texts = statement("release_due").text, resting

    assert {one.strip(" '") for one in faults.split(",")} == FAULTS
    assert [re.findall(r"probe_failures >= (\d+)", text) for text in texts] == [[str(PROBES_BEFORE_REST)]] * 2


@pytest.mark.parametrize("error", [ErrorType.CONFIGURATION, ErrorType.NO_EVENT_TYPE])
def test_an_operators_error_fails_nobody_whose_retries_are_used_up(row: Row, error: ErrorType) -> None:
    """Its last POST was answered by something else than Cal.com, or by one that has not its event type."""
    step = RULES.exhausted(row(), error, "a page", {})

    assert (step.to, step.columns.get("hold_reason")) == (Status.HELD, HoldReason.UNREACHABLE)


def test_what_a_wrong_configuration_lets_nobody_send_is_held_for_the_settings(row: Row) -> None:
    """Nothing was sent: it goes as soon as the settings are known to reach Cal.com."""
    step = RULES.not_now(row(), Reason.CONFIGURATION, Proceed())

    assert (step.columns.get("hold_reason"), step.columns.get("held_for")) == (HoldReason.CONFIGURATION, "settings-1")
    assert "hold_until" not in step.columns


@pytest.mark.parametrize(
    ("outcome", "before", "reason"),
    [
        (CallOutcome.FAILURE_SERVICE, 2, HoldReason.BREAKER_OPEN),
        (CallOutcome.FAILURE_ENDPOINT, 1, HoldReason.BREAKER_OPEN),
        (CallOutcome.FAILURE_ENDPOINT, 2, HoldReason.UNREACHABLE),
    ],
)
def test_a_booking_leaves_the_line_only_for_probes_that_cal_com_choked_on(
    row: Row, outcome: CallOutcome, before: int, reason: HoldReason
) -> None:
    """A third failed probe may be the booking's own fault only when Cal.com was there."""
    probe = failed(outcome, probe=True, blocked=True)
    step = RULES.retry(row(probe_failures=before), "try again", {}, 1.0, posted=probe, used=1)
    assert (step.to, step.columns.get("hold_reason")) == (Status.HELD, reason)


@pytest.mark.parametrize("reason", [Reason.BREAKER_OPEN, Reason.THROTTLED, Reason.CREDENTIALS, Reason.CONFIGURATION])
def test_the_hold_of_a_denied_call_has_its_reason_for_the_figures(row: Row, reason: Reason) -> None:
    """Of a POST and of a look: `booking_breaker_not_permitted_total` counts by it."""
    holds = [RULES.not_now(row(), reason, allowed) for allowed in (Proceed(), None)]
    assert [hold.facts for hold in holds] == [{"denied_for": reason.value}] * 2


def test_a_hold_after_a_post_of_its_own_is_no_denied_call(row: Row) -> None:
    """That POST has opened the breaker: it was permitted."""
    step = RULES.retry(row(), "try again", {}, 1.0, posted=failed(CallOutcome.FAILURE_SERVICE, blocked=True), used=1)
    assert (step.columns.get("hold_reason"), step.facts) == (HoldReason.BREAKER_OPEN, {})


@pytest.mark.parametrize(("probe", "blocked"), [(True, False), (False, True)])
def test_a_hold_costs_no_retry(row: Row, probe: bool, blocked: bool) -> None:  # noqa: FBT001 - columns
    """A failed probe goes behind the others, and what met a blocked breaker waits for it: neither is a retry."""
    posted = failed(CallOutcome.FAILURE_SERVICE, probe=probe, blocked=blocked)
    step = RULES.again(row(), ErrorType.CONNECT, "refused", posted=posted)
    assert (step.to, step.columns.get("hold_reason")) == (Status.HELD, HoldReason.BREAKER_OPEN)
    assert "retry_count" not in step.columns


def test_a_call_that_failed_while_others_may_go_is_a_retry(row: Row) -> None:
    """What it was answered counts for the breaker; it alone does not block the breaker."""
    step = RULES.again(row(), ErrorType.CONNECT, "refused", posted=failed(CallOutcome.FAILURE_SERVICE))
    assert (step.to, step.columns["retry_count"]) == (Status.RETRYING, 1)


def test_a_denied_post_after_a_settled_look_keeps_what_the_look_showed(row: Row) -> None:
    """Nothing is booked, and the POST to come costs its retry; the hold itself costs none."""
    step = RULES.not_now(row(outcome_unknown=True, retry_count=1), Reason.THROTTLED, Proceed(retry=True))
    assert (step.to, step.columns["outcome_unknown"], step.columns["retry_count"]) == (Status.HELD, False, 2)


def test_a_booking_that_cannot_be_looked_at_leaves_the_line(row: Row) -> None:
    """Only the list is down: others may be booked, and must not wait behind this one."""
    step = RULES.lookup_unavailable(row(), 0.5)
    assert (step.columns.get("hold_reason"), step.columns.get("hold_until")) == (HoldReason.UNREACHABLE, FromNow(0.5))


def test_a_booking_whose_look_is_denied_by_another_look_does_not_come_again_at_once(row: Row) -> None:
    """That is the probe, and may last as long as a call: eight such rows made 76 events in 15 s."""
    step = RULES.lookup_unavailable(row(), None)
    assert step.columns.get("hold_until") == FromNow(Timings().open)


def test_a_booking_whose_time_has_come_is_not_posted(row: Row) -> None:
    """With nothing unknown about it, it ends expired."""
    step = unbookable(row(), lead=0)
    assert isinstance(step, Move)
    assert step.to is Status.EXPIRED


@pytest.mark.parametrize(("wanted_for", "lead", "ends"), [(0, 0, True), (1, 0, False), (9, 3600, True)])
def test_a_booking_is_not_posted_after_its_answer_by(row: Row, wanted_for: float, lead: float, ends: Any) -> None:
    """By Postgres's clock; HOLD_LEAD before its start may come earlier."""
    now = row().updated_at
    asked = row(start_at=now + timedelta(hours=1), answer_by=now + timedelta(seconds=wanted_for))

    assert (unbookable(asked, lead=lead) is not None) == ends


def test_a_cancelled_booking_is_not_posted(row: Row) -> None:
    """What the operator asked for before the first byte is done."""
    step = unbookable(row(cancel_requested=True), lead=0)
    assert isinstance(step, Move)
    assert step.to is Status.CANCELLED

"""The sentences that figures, a line of help, privacy and an order once hung on: reworded, nothing else changes.

The sixth, a chart's: tests/unit/health/test_verdict.py.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import appointments
from db.appointments import Appointment, events, series, sweeps
from db.appointments.events import Event
from db.appointments.stories import Numbered, Story
from db.lifecycle import HoldReason, Status
from db.monitoring import booking_minutes
from db.sql import statement
from resilience.circuit_breaker.types import Reason
from tasks import dependencies
from tasks.attempts import attempt, refusal
from tasks.booking import _follow
from tasks.calcom.reply import ReplyKind
from tasks.dependencies import Dependencies
from tasks.operations import breaker_actions, breaker_overrides
from tasks.story import why
from tasks.work import decisions
from tasks.work.claim import claim
from tasks.work.decisions import BookingDecisions
from tasks.work.moves import Proceed, confirmed
from tests.support.fleet import request, row
from tests.support.logged import logged
from tests.support.page.operating import asked
from tests.support.prometheus.exporting import told
from tests.support.stepping import carry
from worker import enqueue_booking
from worker.tracing.spans import spans_of

REWORDED = "it is said otherwise: by now, at least"
WORDS = "Quentin Zephyr is not allowed to book here"  # of Cal.com, which names a customer
REASONS = (Reason.BREAKER_OPEN, Reason.THROTTLED, Reason.CREDENTIALS, Reason.CONFIGURATION)


@pytest.fixture
def built(settings: Callable[..., dict[str, str]]) -> Dependencies:
    """Wire this process to servers of its own; no worker runs but it."""
    settings()
    return dependencies.current()


@pytest.mark.parametrize("reason", REASONS)
def test_a_denied_call_is_counted_by_its_reason(
    built: Dependencies, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    """A booking's own attempt writes its hold; the breaker denies it for each reason in turn."""
    monkeypatch.setattr(decisions, "_DENIED", dict.fromkeys(REASONS, REWORDED))
    accepted = enqueue_booking(request(1)).appointment_id
    built.breaker.operators.force_open("op@example.com", "maintenance")
    monkeypatch.setattr(BookingDecisions, "not_now", _for(reason))

    assert carry(accepted).status is Status.HELD

    with built.engine.begin() as conn:
        [event] = [one for one in events.timeline(conn, accepted) if one.kind == "held"]
    assert (event.detail["why"], event.detail["denied_for"]) == (REWORDED, reason.value)
    _count(built)
    assert told()[f'booking_breaker_not_permitted_total{{reason="{reason.value}"}}'] == 1


def _for(reason: Reason) -> Callable[..., Any]:
    not_now = BookingDecisions.not_now

    def denied(rules: BookingDecisions, row: Appointment, _: Reason, allowed: Proceed | None = None) -> Any:
        return not_now(rules, row, reason, allowed)

    return denied


def _count(built: Dependencies) -> None:
    for _ in range(4):
        with built.engine.begin() as conn:
            while booking_minutes.count_on(conn):
                pass


def test_a_series_whose_post_was_answered_is_whole(built: Dependencies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its 201 comes after its last week, whatever its event says of it."""
    monkeypatch.setattr(attempt, "confirmed", lambda there, _, **more: confirmed(there, REWORDED, **more))
    accepted = enqueue_booking(request(1)).appointment_id
    assert carry(accepted).status is Status.CONFIRMED

    with built.engine.begin() as conn:
        series.count_series(conn, accepted, weeks=4, of=None)
        story = {event.kind: event.detail for event in events.timeline(conn, accepted)}
    assert story["confirmed"]["why"] == REWORDED
    assert (row(accepted).series_weeks, events.SERIES_CUT in story) == (4, False)


def test_help_for_what_was_never_known_is_found_by_its_error_type(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper's statement writes both, and only the error is for people."""
    sql = statement("never_known")
    reworded = text(re.sub(r"'never known:[^']*'", f"'{REWORDED.replace(':', ',')}'", sql.text))
    monkeypatch.setattr(sweeps, "statement", lambda name: reworded if name == "never_known" else statement(name))
    blind = record.moved(Status.HELD, hold_reason=HoldReason.BLIND_KEY, held_for="key")
    past = timedelta(days=-3)
    record.write(blind.id, start_at=past, sent_at=past, settle_at=past, outcome_unknown=True)

    [ended] = record.sweep(appointments.never_known, 10)

    assert ended.last_error == REWORDED.replace(":", ",")
    assert "it was never known whether Cal.com had booked it" in why.why(ended, datetime.now(UTC))


@pytest.mark.parametrize("reworded", [REWORDED, "refused by the server: see below", "no"])
def test_cal_coms_words_stay_in_the_row(built: Dependencies, monkeypatch: pytest.MonkeyPatch, reworded: str) -> None:
    """Neither a log line nor a span has them, wherever our own sentence has a colon; the row and its story do."""
    monkeypatch.setattr(refusal, "_REFUSED_AS", dict.fromkeys(ReplyKind, reworded))
    move = refusal.rejected(ReplyKind.TAKEN, WORDS)
    accepted = row(enqueue_booking(request(1)).appointment_id)
    claimed = claim(built, accepted.id)
    assert claimed is not None
    with logged() as lines:
        assert _follow(built, claimed, move) == "rejected"
    ended = Event("rejected", "worker", {"why": move.why, "words": move.words}, accepted.requested_at)
    story = Story(1, accepted.uuid, accepted.correlation_id, None, accepted.requested_at, (Numbered(0, ended),))

    spans = list(spans_of(story))

    assert [line["why"] for line in lines if line["event"] == "moved"] == [reworded]
    assert reworded in [span.attributes.get("booking.why") for span in spans]
    assert "Zephyr" not in f"{lines}{spans}"
    assert (move.columns["last_error"], ended.reason) == (f"{reworded}: {WORDS}",) * 2


@pytest.mark.parametrize("mode", [breaker_actions.OPEN, breaker_actions.RESET])
def test_an_action_knows_its_own_change_by_its_number(
    built: Dependencies, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Whatever the change says of who and why; and the same words of another order are not taken for it."""
    built.breaker.record_success("bookings.create")
    if mode == breaker_actions.RESET:
        built.breaker.operators.force_open("bob", "before")
    seen = breaker_actions.epoch(built.breaker.get_status(), mode)
    order = asked(mode, epoch_seen=seen, target={"seconds": 600})
    other = replace(order, request_id=uuid4())  # asked for earlier, by the same person, in the same words
    name = "force" if mode == breaker_actions.OPEN else "reset"
    give = getattr(breaker_overrides, name)
    with monkeypatch.context() as patched:
        patched.setattr(breaker_overrides, name, _dies)
        with pytest.raises(KeyboardInterrupt):
            breaker_actions.carry_out(built, other)
        patched.setattr(breaker_overrides, name, lambda *args, **given: give(*args, **given | {"why": REWORDED}))
        patched.setattr(breaker_actions.operator_actions, "finish", _dies)
        with pytest.raises(KeyboardInterrupt):
            breaker_actions.carry_out(built, order)
    assert built.breaker.view.transitions()[-1].why == REWORDED

    assert breaker_actions.carry_out(built, order).outcomes == {"obeyed": 1}
    assert breaker_actions.carry_out(built, other).outcomes == {"stale": 1}


def _dies(*_: Any, **__: Any) -> bool:
    raise KeyboardInterrupt

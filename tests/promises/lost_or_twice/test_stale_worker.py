"""Promise 2 when a worker stands still: what it may no longer send stays unsent, and what it has booked is not lost."""

from collections import Counter
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import pytest
from sqlalchemy import update

from db.appointments import event_types
from db.lifecycle import Status
from db.models.bookings import appointments as table
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tasks import dependencies
from tasks.changes.ask.ask import Via
from tasks.changes.ask.change import cancel
from tasks.enqueue import outcome
from tasks.guarded_calls.calls import GuardedCalls
from tasks.maintenance import sweeper
from tasks.work.claim import claim
from tests.support.fleet import request
from tests.support.stepping import book, carry, let_pass
from worker import enqueue_booking


@pytest.fixture
def asked(settings: Callable[..., dict[str, str]]) -> int:
    """Accept one request; no worker runs but this process."""
    settings()
    return enqueue_booking(request(1)).appointment_id


def sweep_as_after_the_lease(appointment_id: int) -> None:
    """Let the claim run out by Postgres's clock, and take the row up."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == appointment_id).values(lease_expires_at=table.c.created_at))
        assert queue_sweeps.lost_leases(conn, BOOKINGS, 10, settle_seconds=0)


@pytest.mark.parametrize("frozen", ["before it connects", "while it connects"])
def test_a_claim_that_is_too_old_sends_nothing(asked: int, posts: Callable[[], Counter[str]], frozen: str) -> None:
    """The lease is checked right before the first byte: another worker may be at it by now."""
    margin = dependencies.current().timings.margin
    times = {"before it connects": [0.0, margin + 1, margin + 1], "while it connects": [0.0, 0.0, margin]}[frozen]
    clock = chain(times, repeat(times[-1]))  # at the claim, at the call, before the first byte

    claimed = claim(dependencies.current(), asked, clock=clock.__next__)
    assert claimed is not None
    move = book(claimed).move

    assert posts() == Counter()
    assert move is not None
    assert (move.to, move.retry_in) == (Status.RETRYING, 0)


def test_a_post_under_way_is_not_settled_by_a_clock_that_steps_ahead(
    asked: int, booked: Callable[[], Counter[str]]
) -> None:
    """A failover to a server that is ten minutes ahead: the lease seems long over, and its worker is about to post."""
    under_way = claim(dependencies.current(), asked)
    assert under_way is not None
    let_pass(600)
    sweeper.rescue_stranded()

    assert carry(asked).status in {Status.RETRYING, Status.HELD}, "looked for, and not posted"

    book(under_way)
    assert carry(asked).status is Status.CONFIRMED
    assert set(booked().values()) == {1}


def test_what_cal_com_booked_for_a_worker_that_woke_late_is_recorded(
    asked: int, posts: Callable[[], Counter[str]], simulator: Any
) -> None:
    """Its claim is gone, so it moves nothing; but the next one knows the booking without a look, and posts nothing."""
    late = claim(dependencies.current(), asked)
    assert late is not None
    sweep_as_after_the_lease(asked)

    assert book(late).move is None
    [booking] = simulator.bookings()
    kept = outcome(asked)
    assert kept is not None
    assert (kept.status, kept.calcom_booking_uid) == (Status.RETRYING, booking["uid"])

    following = claim(dependencies.current(), asked)
    assert following is not None
    book(following)
    assert outcome(asked).status is Status.CONFIRMED  # type: ignore[union-attr]
    assert list(posts().values()) == [1]


def test_a_cancel_that_comes_during_a_look_is_obeyed(
    asked: int, posts: Callable[[], Counter[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator was told so; the row as it was at the claim does not know."""
    with dependencies.current().engine.begin() as conn:
        then = table.c.created_at
        unknown = {"outcome_unknown": True, "sent_at": then, "settle_at": then, "ends_at": then}
        conn.execute(update(table).where(table.c.id == asked).values(unknown))
        key = dependencies.current().calcom.key_fingerprint
        plain = event_types.ShownType(policy_kind=event_types.EventKind.PLAIN, confirms_free_email=False)
        event_types.keep(conn, key, "110", plain)
    claimed = claim(dependencies.current(), asked)
    assert claimed is not None
    seen = GuardedCalls.list_bookings

    def list_while_it_is_cancelled(calls: GuardedCalls, params: Any) -> Any:
        engine = dependencies.current().engine
        cancel(engine, asked, by="operator", via=Via.COMMAND_LINE, why="the customer called")
        return seen(calls, params)

    monkeypatch.setattr(GuardedCalls, "list_bookings", list_while_it_is_cancelled)
    move = book(claimed).move

    assert posts() == Counter()
    assert move is not None
    assert outcome(asked).status is Status.CANCELLED  # type: ignore[union-attr]

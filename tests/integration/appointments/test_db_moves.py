"""Moves: the one door between states, and what it writes by itself."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import product
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func

from db import appointments
from db.appointments import FromNow, events
from db.lifecycle import MOVES, UNASKABLE, HoldReason, Status, Strategy
from db.queue import claims
from db.queue.kinds import BOOKINGS

LEGAL = [(start, end) for start, ends in MOVES.items() for end in sorted(ends) if end is not Status.BOOKING]
ILLEGAL = [pair for pair in product(Status, repeat=2) if pair[1] not in MOVES[pair[0]]]


def needed(status: Status) -> dict[str, Any]:
    """Name what a row must have to be in a state."""
    if status is Status.HELD:
        return {"hold_reason": HoldReason.THROTTLED, "hold_until": FromNow(0), "held_for": "print"}
    return {"calcom_booking_uid": "uid"} if status in {Status.CONFIRMED, Status.CANCELLED} else {}


def in_state(record: Any, status: Status) -> Any:
    """Bring a new row into a state."""
    row = record.keep() if status is Status.PENDING else record.claimed()
    if status not in {Status.PENDING, Status.BOOKING}:
        assert record.move(row, status, **needed(status))
    return record.read(row.id)


@pytest.mark.parametrize(("start", "end"), LEGAL)
def test_a_legal_move_leaves_nothing_of_the_old_state_behind(shared: Any, start: Status, end: Status) -> None:
    """After any move the row has what its new state needs, and no claim or hold of its old one."""
    row = in_state(shared, start)

    assert shared.move(row, end, **needed(end))

    moved = shared.read(row.id)
    assert moved.status is end
    assert moved.updated_at > row.updated_at
    assert (moved.claim_token, moved.lease_expires_at, moved.next_attempt_at) == (None, None, None)
    held = (moved.hold_reason, moved.held_at, moved.hold_until, moved.held_for)
    assert [value is not None for value in held] == [end is Status.HELD] * 4


def test_an_illegal_move_is_a_fault_of_the_caller(record: Any) -> None:
    """A move that lifecycle.MOVES does not name is refused before it reaches the database."""
    with record.engine.begin() as conn:
        for start, end in ILLEGAL:
            with pytest.raises(ValueError, match=f"no such move: {start} -> {end}"):
                appointments.move(conn, 1, start, end, token=uuid4(), **needed(end))


def test_a_row_that_someone_moved_first_stays(record: Any) -> None:
    """The later of two moves changes nothing and is told so."""
    row = record.keep()
    assert record.move(row, Status.CANCELLED)
    before = record.read(row.id)

    assert not record.move(row, Status.HELD, hold_reason=HoldReason.THROTTLED, why="late")

    assert record.read(row.id) == before
    with record.engine.connect() as conn:
        assert events.timeline(conn, row.id) == []


def test_a_move_out_of_booking_with_a_wrong_token_changes_nothing(record: Any) -> None:
    """A worker that lost its claim to another one cannot end the other's attempt."""
    first = record.claimed()
    record.move(first, Status.RETRYING)
    second = record.claim(first.id)

    assert not record.move(first, Status.CONFIRMED, calcom_booking_uid="uid", why="late")

    assert record.read(first.id) == second


def test_a_move_out_of_booking_needs_a_token(record: Any) -> None:
    """Nobody ends an attempt by forgetting to say whose it is."""
    row = record.claimed()

    with pytest.raises(ValueError, match="token"), record.engine.begin() as conn:
        appointments.move(conn, row.id, {Status.BOOKING, Status.PENDING}, Status.CANCELLED)


def test_a_claimed_booking_is_cancelled_only_while_that_is_asked_for(record: Any) -> None:
    """What its worker read a moment ago may have been taken back since; what is cancelled at Cal.com is that anyhow."""
    wanted, there = record.claimed(), record.claimed()

    assert not record.move(wanted, Status.CANCELLED)
    assert record.move(there, Status.CANCELLED, calcom_booking_uid="uid")
    with record.engine.begin() as conn:
        assert appointments.request_cancel(conn, wanted.id, Status.BOOKING, by="operator", why="asked")
    assert record.move(wanted, Status.CANCELLED)


def test_a_token_does_not_matter_where_nothing_is_claimed(record: Any) -> None:
    """A late answer may move a row from several states; only `booking` compares the token."""
    row = record.moved(Status.RETRYING)

    with record.engine.begin() as conn:
        moved = appointments.move(conn, row.id, {Status.BOOKING, Status.RETRYING}, Status.EXPIRED, token=uuid4())

    assert moved


@pytest.mark.parametrize("column", ["status", "id", "claim_token", "updated_at", "lease_expires_at", "no_such_column"])
def test_columns_that_are_not_the_callers_are_refused(shared: Any, column: str) -> None:
    """A misspelt column or a smuggled status is a fault of the caller, said at once."""
    row = shared.keep()

    with pytest.raises(ValueError, match=column), shared.engine.begin() as conn:
        appointments.move(conn, row.id, Status.PENDING, Status.CANCELLED, **{column: None})
    with pytest.raises((ValueError, TypeError)), shared.engine.begin() as conn:
        claims.renew(conn, BOOKINGS, replace(row, claim_token=uuid4()), lease_seconds=50, **{column: None})


def test_held_needs_a_reason_and_nothing_else_has_one(record: Any) -> None:
    """A hold that nobody could explain cannot be written."""
    row = record.keep()

    with pytest.raises(ValueError, match="hold_reason"):
        record.move(row, Status.HELD)
    with pytest.raises(ValueError, match="hold_reason"):
        record.move(row, Status.CANCELLED, hold_reason=HoldReason.SUSPECT)


def test_a_booking_waits_again_with_its_message_counted(record: Any) -> None:
    """Retrying and pending count as enqueued at the move, unless the caller says that no message is sent now."""
    retrying = record.moved(Status.RETRYING, next_attempt_at=FromNow(4), retry_count=1)
    later = record.moved(Status.RETRYING, next_attempt_at=FromNow(3600), enqueued_at=None)

    assert retrying.enqueued_at == retrying.updated_at
    assert retrying.next_attempt_at == retrying.updated_at + timedelta(seconds=4)
    assert later.enqueued_at is None


def test_a_delivered_message_stays_evidence_and_an_undelivered_one_does_not(record: Any) -> None:
    """`enqueued_at` tells how far the queue has come on a row that was claimed, not on one cancelled in it."""
    claimed = record.claimed()
    record.move(claimed, Status.REJECTED)
    waiting = record.keep()
    record.move(waiting, Status.CANCELLED)

    assert record.read(claimed.id).enqueued_at == claimed.enqueued_at
    assert record.read(waiting.id).enqueued_at is None


def test_null_is_written_as_null(record: Any) -> None:
    """Clearing a JSON column makes it null, not the JSON word null, which no CHECK or query would see."""
    row = record.moved(Status.RETRYING, refusal={"meaning": "taken", "message": "no"})
    claimed = record.claim(row.id)

    record.move(claimed, Status.RETRYING, refusal=None, resilience_strategy=Strategy.IMMEDIATE_RETRY)

    with record.engine.connect() as conn:
        table = appointments.appointments
        assert conn.execute(func.count().select().where(table.c.refusal.is_(None)).select_from(table)).scalar_one() == 1


def test_the_event_stands_if_and_only_if_the_row_moved(record: Any) -> None:
    """A move writes its own line of the story, in its own statement."""
    row = record.claimed()

    record.move(row, Status.REJECTED, why="the slot is taken", by="worker", detail={"http_status": 400})

    with record.engine.connect() as conn:
        [event] = events.timeline(conn, row.id)
    assert (event.kind, event.by) == ("rejected", "worker")
    assert event.detail == {"why": "the slot is taken", "http_status": 400}


def test_a_move_stands_and_falls_with_the_callers_transaction(record: Any) -> None:
    """Nothing here commits."""
    row = record.claimed()

    with record.engine.connect() as conn:
        assert appointments.move(conn, row.id, Status.BOOKING, Status.FAILED, token=row.claim_token, why="no")
        conn.rollback()
        assert events.timeline(conn, row.id) == []

    assert record.read(row.id) == row


def test_confirmed_is_known(record: Any) -> None:
    """A booking that has its uid is no longer unknown, whichever caller forgot to say so."""
    row = record.claimed()
    record.write(row.id, outcome_unknown=True, sent_at=func.now(), settle_at=func.now())

    record.move(row, Status.CONFIRMED, calcom_booking_uid="uid")

    assert not record.read(row.id).outcome_unknown


def test_a_renewed_row_stays_where_it_is(record: Any) -> None:
    """Columns change only while the row is where it was thought to be."""
    row = record.claimed()

    with record.engine.begin() as conn:
        assert claims.renew(conn, BOOKINGS, row, lease_seconds=50, last_error="slow")
        assert not claims.renew(conn, BOOKINGS, replace(row, claim_token=uuid4()), lease_seconds=50, probe_failures=3)

    renewed = record.read(row.id)
    assert (renewed.status, renewed.last_error, renewed.probe_failures) == (Status.BOOKING, "slow", 0)
    assert renewed.claim_token == row.claim_token


def test_a_cancel_is_asked_for_and_told_once(record: Any) -> None:
    """Every worker hears a revoke, and all may write at once: the story tells it once."""
    row, start = record.claimed(), Barrier(4)

    def ask(_number: int) -> bool:
        start.wait(60)
        with record.engine.begin() as conn:
            return appointments.request_cancel(conn, row.id, Status.BOOKING, by="operator", why="revoked")

    with ThreadPoolExecutor(4) as workers:
        asked = sorted(workers.map(ask, range(4)))

    assert asked == [False, False, False, True]
    now = record.read(row.id)
    assert (now.cancel_requested, now.status, now.claim_token) == (True, Status.BOOKING, row.claim_token)
    with record.engine.connect() as conn:
        [event] = events.timeline(conn, row.id)
    assert (event.kind, event.by, event.detail) == ("cancel_requested", "operator", {"why": "revoked"})


def test_a_cancel_of_a_booking_that_moved_on_is_not_asked_for(record: Any) -> None:
    """The caller decides again, by what it is now."""
    row = record.keep()

    with record.engine.begin() as conn:
        assert not appointments.request_cancel(conn, row.id, Status.BOOKING, by="operator", why="revoked")
        assert events.timeline(conn, row.id) == []

    assert record.read(row.id) == row


@pytest.mark.parametrize("reason", sorted(set(HoldReason) - {HoldReason.IN_LINE}))  # as the column has them
def test_an_operators_release_begins_the_time_in_which_cal_com_can_be_asked(record: Any, reason: HoldReason) -> None:
    """As any release does, from a hold in which it could not be asked; in others that time goes on."""
    row = record.claimed()
    unknown = {"outcome_unknown": True, "sent_at": FromNow(0), "settle_at": FromNow(0), "askable_since": row.created_at}
    record.move(row, Status.HELD, hold_reason=reason, hold_until=FromNow(0), **unknown)

    record.move(record.read(row.id), Status.PENDING)

    now = record.read(row.id)
    assert now.askable_since == (now.updated_at if reason in UNASKABLE else row.created_at)


@pytest.mark.parametrize("told", [Status.REJECTED, Status.EXPIRED])
def test_what_was_told_not_booked_does_not_come_back_beside_a_newer_one(record: Any, told: Status) -> None:
    """Found at Cal.com after all, while a newer row has the key: refused, and the transaction lives on."""
    first = record.claimed(idempotency_key="same", key_derived=True)
    record.move(first, told)
    record.keep(idempotency_key="same", key_derived=True)

    with record.engine.begin() as conn:
        with pytest.raises(appointments.KeyTakenError):
            appointments.move(conn, first.id, told, Status.CONFIRMED, why="found", calcom_booking_uid="uid")
        events.record(conn, first.id, "refused", "operator")

    assert record.read(first.id).status is told


@pytest.mark.parametrize("back_to", [Status.PENDING, Status.CONFIRMED])
def test_a_failed_booking_does_not_come_back_beside_a_newer_one(record: Any, back_to: Status) -> None:
    """The operator's retry, or a late 201, is refused while a newer row has the key; the transaction lives on."""
    failed = record.claimed(idempotency_key="same", key_derived=True)
    record.move(failed, Status.FAILED)
    failed = record.read(failed.id)
    record.keep(idempotency_key="same", key_derived=True)

    with record.engine.begin() as conn:
        with pytest.raises(appointments.KeyTakenError):
            appointments.move(conn, failed.id, Status.FAILED, back_to, why="again", **needed(back_to))
        events.record(conn, failed.id, "refused", "operator")

    assert record.read(failed.id) == failed


def test_a_failed_booking_comes_back_when_its_key_is_free(record: Any) -> None:
    """`booking retry` sends it on its way again."""
    failed = record.claimed(key_derived=True)
    record.move(failed, Status.FAILED)

    assert record.move(record.read(failed.id), Status.PENDING, why="retry", by="operator")


@pytest.mark.parametrize("asked", [True, False])
def test_a_booking_that_was_to_be_cancelled_and_is_booked_is_told(record: Any, asked: Any) -> None:
    """The operator who asked for its cancel must hear that Cal.com has it: the alert reads this event."""
    row = record.claimed()
    record.write(row.id, cancel_requested=asked)

    assert record.move(row, Status.CONFIRMED, why="booked", **needed(Status.CONFIRMED))

    with record.engine.connect() as conn:
        told = [event.kind for event in events.timeline(conn, row.id)]
    assert told[-1 - asked :] == ["confirmed"] + [events.CANCEL_THERE] * asked

"""Changes whose workers are gone: who is alone is suspect, who is in company blames the worker, as with bookings."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, Table, text, update
from sqlalchemy.exc import OperationalError

from db.appointments import Appointment
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.bookings import appointments as bookings
from db.models.changes import booking_changes
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS, CHANGES
from tasks.maintenance.sweeper import rescue_stranded
from tasks.work.publish import QUEUE
from tests.integration.changes.test_db_changes import booked, change, claim

TIMES = {"settle_seconds": 130, "ends_seconds": 160, "lease_seconds": 50}


def lost_twice(record: Any, number: int) -> list[BookingChange]:
    """Make changes that have lost two leases in a row, and are claimed again."""
    made = [change(record, booked(record, f"uid-{n}")) for n in range(number)]
    _write(record.engine, booking_changes, [one.id for one in made], leases_lost=2)
    for one in made:
        assert claim(record, one) is not None
    return made


def third_lost(record: Any, rows: Sequence[BookingChange]) -> list[BookingChange]:
    """Let the leases of these run out, and sweep; return what was swept."""
    _write(record.engine, booking_changes, [one.id for one in rows], lease_expires_at=text("now() - interval '1 s'"))
    with record.engine.begin() as conn:
        return queue_sweeps.lost_leases(conn, CHANGES, 10, suspect_after=3, **TIMES)


def _write(engine: Engine, table: Table, ids: Sequence[int], **values: Any) -> None:
    with engine.begin() as conn:
        conn.execute(update(table).where(table.c.id.in_(ids)).values(**values))


def test_a_change_that_loses_its_third_lease_alone_is_suspect(record: Any) -> None:
    """It may be what kills its workers: a person looks."""
    [one] = third_lost(record, lost_twice(record, 1))

    assert (one.status, one.hold_reason, one.leases_lost) == (ChangeStatus.HELD, HoldReason.SUSPECT, 3)
    assert (one.outcome_unknown, one.next_attempt_at, one.enqueued_at) == (True, None, None)


def test_changes_that_lose_their_third_lease_together_blame_their_worker(record: Any) -> None:
    """None is suspect. Every second one goes two leases later: the first group is lost by then, if it is."""
    lost = third_lost(record, lost_twice(record, 4))

    assert {(one.status, one.hold_reason, one.leases_lost) for one in lost} == {(ChangeStatus.RETRYING, None, 3)}
    waits = [one.next_attempt_at and one.next_attempt_at - one.updated_at for one in lost]
    assert sorted(waits, key=bool) == [None, None, timedelta(seconds=100), timedelta(seconds=100)]
    assert [one.enqueued_at is None for one in lost] == [wait is not None for wait in waits]


@pytest.mark.parametrize("first", ["booking", "change"])
def test_a_booking_and_a_change_of_one_worker_are_company(record: Any, first: str) -> None:
    """Whichever of them is swept first."""
    row = record.keep()
    record.write(row.id, leases_lost=2)
    record.claim(row.id)
    record.write(row.id, lease_expires_at=text("now() - interval '1 s'"))
    made = lost_twice(record, 1)

    def sweep_booking() -> list[Appointment]:
        return record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, **TIMES)  # type: ignore[no-any-return]

    if first == "booking":
        [booking], [one] = sweep_booking(), third_lost(record, made)
    else:
        [one], [booking] = third_lost(record, made), sweep_booking()

    assert (booking.status, one.status) == (Status.RETRYING, ChangeStatus.RETRYING)


def test_what_goes_later_is_not_sent_now(settings: Callable[..., dict[str, str]], record: Any, redis_url: str) -> None:
    """Of four bookings and four changes a message each is sent of the first groups, and none of the second ones."""
    settings()
    gone = text("now() - interval '1 s'")
    rows = [record.claimed().id for _ in range(4)]
    _write(record.engine, bookings, rows, leases_lost=2, lease_expires_at=gone)
    made = lost_twice(record, 4)
    _write(record.engine, booking_changes, [one.id for one in made], lease_expires_at=gone)
    with redis.Redis.from_url(redis_url) as client:
        before = client.llen(QUEUE)
        assert rescue_stranded() == {"leases": 8, "changes": 0, "requests": 0, "messages": 0}
        sent = client.llen(QUEUE) - before  # type: ignore[operator]

    assert sent == 4


def test_what_was_swept_is_sent_though_the_next_kind_fails(
    settings: Callable[..., dict[str, str]], record: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL goes between two kinds of rows: the message of a booking that was taken up does not wait for that."""
    settings()
    row = record.claimed()
    record.write(row.id, lease_expires_at=text("now() - interval '1 s'"))
    swept = queue_sweeps.lost_leases

    def fail_at_changes(conn: Any, kind: Any, *more: Any, **times: Any) -> Any:
        if kind is CHANGES:
            raise OperationalError("", {}, Exception("gone"))
        return swept(conn, kind, *more, **times)

    monkeypatch.setattr(queue_sweeps, "lost_leases", fail_at_changes)
    with redis.Redis.from_url(redis_url) as client:
        before = client.llen(QUEUE)
        with pytest.raises(OperationalError):
            rescue_stranded()
        sent = client.llen(QUEUE) - before  # type: ignore[operator]

    assert sent == 1

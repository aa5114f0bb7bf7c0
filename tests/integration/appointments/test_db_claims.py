"""Claims: of many who try, one; and a worker that has lost the claim writes nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from db import appointments
from db.appointments import Appointment, FromNow, sweeps
from db.appointments.there import places
from db.engine import make_engine
from db.lifecycle import HoldReason, Status
from db.queue import claims
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS

Claim = Callable[[Any, int], Appointment | None]


def alone(record: Any, appointment_id: int) -> Appointment | None:
    """Claim in a transaction of its own."""
    with record.engine.begin() as conn:
        claimed = appointments.claim(conn, appointment_id, lease_seconds=50)
    return None if claimed is None else claimed.row


def in_a_group(record: Any, appointment_id: int) -> Appointment | None:
    """Claim with another booking, which can be claimed, and one that is not there."""
    other = record.keep()
    with record.engine.begin() as conn:
        claimed = appointments.claim_together(conn, [other.id, 54321, appointment_id], lease_seconds=50)
    assert other.id in claimed
    return claimed[appointment_id].row if appointment_id in claimed else None


@pytest.fixture(params=[alone, in_a_group])
def claim(request: pytest.FixtureRequest) -> Claim:
    """Return each of the two ways to claim a booking."""
    way: Claim = request.param
    return way


def renew(record: Any, row: Appointment, **changes: Any) -> Appointment | None:
    """Renew in a transaction of its own."""
    with record.engine.begin() as conn:
        return claims.renew(conn, BOOKINGS, row, lease_seconds=90, **changes)


def test_a_claim_takes_the_row_for_the_lease(record: Any, claim: Claim) -> None:
    """The claimed row has a token and a lease by Postgres's clock, and keeps when it was enqueued."""
    kept = record.keep()

    row = claim(record, kept.id)

    assert row is not None
    assert row == record.read(kept.id)
    assert (row.status, row.enqueued_at) == (Status.BOOKING, kept.enqueued_at)
    assert row.claim_token is not None
    assert row.lease_expires_at == row.updated_at + timedelta(seconds=50)


def test_of_eight_claims_at_once_exactly_one_wins(record: Any, claim: Claim) -> None:
    """Two deliveries, two workers, any number: one attempt."""
    rows = [record.keep() for _ in range(20)]
    start = Barrier(8)

    def race(_number: int) -> list[Appointment | None]:
        start.wait(60)
        return [claim(record, row.id) for row in rows]

    with ThreadPoolExecutor(8) as workers:
        won = [row for claims in workers.map(race, range(8)) for row in claims if row is not None]

    assert sorted(row.id for row in won) == [row.id for row in rows]


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.HELD, Status.BOOKING, Status.FAILED])
def test_what_is_claimed_held_or_final_cannot_be_claimed(record: Any, claim: Claim, status: Status) -> None:
    """A second delivery finds nothing to claim, and changes nothing."""
    row = record.claimed()
    if status is not Status.BOOKING:
        hold = {"hold_reason": HoldReason.SUSPECT} if status is Status.HELD else {}
        record.move(row, status, calcom_booking_uid="uid", **hold)
    before = record.read(row.id)

    assert claim(record, row.id) is None
    assert record.read(row.id) == before


def test_a_row_that_is_not_there_cannot_be_claimed(record: Any, claim: Claim) -> None:
    """A message may outlive its row."""
    assert claim(record, 12345) is None


def test_a_second_delivery_does_not_undo_the_backoff(record: Any, claim: Claim) -> None:
    """A row that waits for its next attempt cannot be claimed before that moment, but for a little clock skew."""
    row = record.moved(Status.RETRYING, next_attempt_at=FromNow(3600))

    early = claim(record, row.id)
    record.write(row.id, next_attempt_at=timedelta(seconds=0.3))
    in_time = claim(record, row.id)

    assert early is None
    assert in_time is not None
    assert in_time.next_attempt_at is None


def test_each_claim_has_a_token_of_its_own(record: Any, claim: Claim) -> None:
    """The token of an earlier attempt does not fit a later one."""
    first = record.claimed()
    record.move(first, Status.RETRYING)

    second = claim(record, first.id)

    assert second is not None
    assert second.claim_token != first.claim_token
    assert renew(record, first) is None


def test_a_renewed_lease_ends_later_and_carries_changes(record: Any) -> None:
    """What must be written before the next byte is sent is written with the lease."""
    row = record.claimed()

    renewed = renew(record, row, posts=1, outcome_unknown=False)

    assert renewed is not None
    assert renewed == record.read(row.id)
    assert (renewed.posts, renewed.claim_token) == (1, row.claim_token)
    assert renewed.lease_expires_at == renewed.updated_at + timedelta(seconds=90)


@pytest.mark.parametrize("token", [None, uuid4()])
def test_a_lease_is_not_renewed_with_another_token(record: Any, token: Any) -> None:
    """A worker that has lost its claim learns that, and writes nothing."""
    row = record.claimed()

    with record.engine.begin() as conn:
        assert claims.renew(conn, BOOKINGS, replace(row, claim_token=token), lease_seconds=90, posts=9) is None
    assert record.read(row.id) == row


def test_a_lease_taken_up_by_the_sweeper_is_not_renewed(record: Any) -> None:
    """A frozen worker that wakes up late finds its claim gone, even before anybody has claimed again."""
    row = record.claimed()
    record.write(row.id, lease_expires_at=timedelta(seconds=-1))
    record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130)

    assert renew(record, row) is None


def test_a_row_lock_that_never_ends_is_an_error_not_a_hang(record: Any, database_url: str) -> None:
    """A worker waits for another's transaction for the lock time-out at most."""
    row = record.keep()
    hasty = make_engine(database_url, lock_timeout_ms=100)
    with record.engine.begin() as slow, hasty.connect() as conn:
        appointments.claim(slow, row.id, lease_seconds=50)
        with pytest.raises(OperationalError, match="lock timeout"):
            appointments.claim(conn, row.id, lease_seconds=50)
    hasty.dispose()


# -- the right to ask Cal.com: of the minute, for one; who waited for it began before it was taken


def taken_by(record: Any, take: Callable[[Connection], Any]) -> list[bool]:
    """Say of two who take the right of a minute whether each got it: the one that began later took it first."""
    with record.engine.begin() as early, record.engine.begin() as late:
        early.execute(text("SELECT now()"))
        late.execute(text("SELECT now()"))
        second = take(late)
        late.commit()
        first = take(early)
    return [second is not None, first is not None]


def test_a_recheck_that_waited_for_another_finds_it_taken(record: Any) -> None:
    """Else two callers who ask at once would cost Cal.com two calls, now and then."""
    booked = record.keep()
    record.write(booked.id, status=Status.CONFIRMED, calcom_booking_uid="uid")

    assert taken_by(record, lambda conn: places.claim_recheck(conn, booked.id, pause_seconds=60)) == [True, False]


def test_a_look_for_a_missing_type_that_waited_for_another_finds_it_taken(record: Any) -> None:
    """Else two workers would look for it in the same minute."""
    missing = {"hold_reason": HoldReason.CONFIGURATION, "held_for": "set", "error_type": "no_event_type"}
    at = datetime.now(UTC) - timedelta(days=1)
    record.write(record.keep().id, status=Status.HELD, held_at=at, hold_until=at, **missing)

    assert taken_by(record, lambda conn: sweeps.missing_type(conn, key="ours", settings="set")) == [True, False]

"""Several bookings are claimed by one statement: each for itself; nobody waits for a row that somebody has locked."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from db import appointments
from db.lifecycle import HoldReason, Status

LEASE = 50


def test_each_has_a_token_of_its_own_and_one_commit_is_enough(record: Any) -> None:
    """They come back by their ids; a durable commit each is what this is to save."""
    rows = [record.keep() for _ in range(8)]

    with record.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        before = conn.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one()
        claimed = appointments.claim_together(conn, [row.id for row in reversed(rows)], lease_seconds=LEASE)
        after = conn.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one()

    assert {number: one.row for number, one in claimed.items()} == {row.id: record.read(row.id) for row in rows}
    assert {one.row.status for one in claimed.values()} == {Status.BOOKING}
    assert len({one.row.claim_token for one in claimed.values()}) == 8
    assert after - before == 2, "the claims, and the question itself"


def test_of_four_groups_at_once_exactly_one_wins_each_booking(record: Any) -> None:
    """Two deliveries, two workers, in any order of the ids: one attempt, and no deadlock."""
    ids = [record.keep().id for _ in range(40)]
    start = Barrier(4)

    def race(number: int) -> list[int]:
        start.wait(60)
        won: list[int] = []
        for first in range(0, 40, 8):
            group = ids[first : first + 8][:: 1 if number % 2 else -1]
            with record.engine.begin() as conn:
                won += appointments.claim_together(conn, group, lease_seconds=LEASE)
        return won

    with ThreadPoolExecutor(4) as workers:
        won = sorted(number for claimed in workers.map(race, range(4)) for number in claimed)

    assert len(won) == len(set(won))
    left = [number for number in ids if record.read(number).status is Status.PENDING]
    assert sorted([*won, *left]) == ids, "one that another group has locked is passed over: its thread claims it alone"


def test_one_that_is_locked_is_passed_over(record: Any) -> None:
    """Its thread claims it by itself, and waits for nobody else's sake."""
    rows = [record.keep() for _ in range(3)]
    with record.engine.begin() as holder:
        holder.exec_driver_sql("SELECT FROM appointments WHERE id = %(id)s FOR UPDATE", {"id": rows[1].id})
        claimed = _claimed(record, [row.id for row in rows])
    assert claimed == [rows[0].id, rows[2].id]
    assert record.read(rows[1].id).status is Status.PENDING


def _claimed(record: Any, ids: list[int]) -> list[int] | OperationalError:
    """Return which of them a group has claimed, or the error of a row that was waited for in vain."""
    try:
        with record.engine.begin() as conn:
            return sorted(appointments.claim_together(conn, ids, lease_seconds=LEASE))
    except OperationalError as error:
        return error


@pytest.mark.parametrize("why", [HoldReason.THROTTLED, HoldReason.SUSPECT])
def test_each_hears_of_those_before_it_in_line(record: Any, why: HoldReason) -> None:
    """A group is no way around the line: it says what one by itself would hear."""
    held = record.claimed()
    record.move(held, Status.HELD, hold_reason=why)
    rows = [record.keep() for _ in range(2)]

    with record.engine.connect() as conn:
        claimed = appointments.claim_together(conn, [row.id for row in rows], lease_seconds=LEASE)
        conn.rollback()
        alone = [appointments.claim(conn, row.id, lease_seconds=LEASE) for row in rows]

    assert [claimed[row.id].backlog for row in rows] == [one and one.backlog for one in alone]
    expected = HoldReason.THROTTLED if why is HoldReason.THROTTLED else None
    assert {one.backlog for one in claimed.values()} == {expected}

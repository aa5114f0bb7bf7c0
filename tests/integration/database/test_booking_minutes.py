"""What is kept counted is what a full count finds: each move once, in its minute, however late its transaction ends."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from db import appointments
from db.appointments import events
from db.appointments.there.places import BookedThere
from db.lifecycle import HoldReason, Status
from db.monitoring import booking_minutes, charts, counts_now, status_queries
from db.queue import held as held_rows
from db.queue import sweeps as queue_sweeps
from db.queue.held import HeldSo
from db.queue.kinds import BOOKINGS
from db.sql import statement
from tasks import dependencies
from tasks.maintenance import booking_minutes as counting
from tests.chaos import kept_counts

AHEAD = timedelta(minutes=2)
SUMS = """
SELECT sum(accepted), sum(confirmed), sum(failed), sum(expired), sum(cancelled), sum(rejected), sum(retries)
FROM booking_minutes
"""
ALL_COUNTED = "UPDATE counted_bookings SET counted_until = now() + interval '1 hour'"  # also the minute that goes on

_REASONS = sorted(set(HoldReason) - {HoldReason.IN_LINE})  # as the column has them


def count(record: Any, *, batch: int = booking_minutes.BATCH) -> None:
    """Count until all that stands now is counted: it is seen, counted, and two looks later known to be whole."""
    for _ in range(4):
        more = True
        while more:
            with record.engine.begin() as conn:
                more = booking_minutes.count_on(conn, batch=batch)


def wrong(record: Any) -> list[str]:
    """Compare every minute with a full count, the one that goes on, too."""
    with record.engine.connect() as conn:
        return list(kept_counts.miscounted(lambda sql: conn.execute(text(sql)).all(), over=True))


def sums(record: Any) -> tuple[int, ...]:
    """Return what all minutes hold together."""
    with record.engine.connect() as conn:
        return tuple(conn.execute(text(SUMS)).one())


def released(record: Any) -> set[str]:
    """Return from which holds releases are counted."""
    with record.engine.connect() as conn:
        return set(conn.execute(text("SELECT labels[1] FROM metric_totals WHERE name = 'released'")).scalars())


@pytest.fixture
def every_move(record: Any) -> Any:
    """Have every kind of move that is counted, and others, in several minutes."""
    held = {reason: record.moved(Status.HELD, hold_reason=reason, **_more(reason)) for reason in _REASONS}
    for status in (Status.CONFIRMED, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.RETRYING):
        uid = {"calcom_booking_uid": "uid"} if status is Status.CONFIRMED else {}
        for _ in range(2):
            record.moved(status, why="because", **uid)
    lost, known, late = record.claimed(), held[HoldReason.BLIND_KEY], record.moved(Status.FAILED, why="because")
    record.write(lost.id, lease_expires_at=timedelta(seconds=-1))
    record.write(known.id, start_at=timedelta(days=-3), held_for="key")
    record.write(record.keep().id, start_at=timedelta(seconds=-1))
    record.write(held[HoldReason.UNREACHABLE].id, hold_until=timedelta(seconds=-1))
    record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130)
    record.sweep(appointments.never_known, 10)
    record.sweep(appointments.expire, lead_seconds=0, limit=10)
    record.sweep(
        queue_sweeps.release_these, BOOKINGS, [held[HoldReason.BREAKER_OPEN].id, held[HoldReason.THROTTLED].id]
    )
    for reason in (HoldReason.CREDENTIALS, HoldReason.CONFIGURATION):
        record.write(held[reason].id, held_at=timedelta(seconds=-5))
    record.sweep(queue_sweeps.release_due, BOOKINGS, key="other", settings="other", limit=10)
    with record.engine.begin() as conn:
        now = conn.execute(text("SELECT now()")).scalar_one()
        held_rows.release(conn, BOOKINGS, HeldSo(HoldReason.SUSPECT), since=now, why="tried", limit=10)
        appointments.record_late_uid(conn, late.id, BookedThere("uid"))
        conn.execute(text("UPDATE appointment_events SET created_at = created_at - id % 5 * interval '7 seconds'"))
        conn.execute(text("UPDATE appointments SET requested_at = requested_at - id % 7 * interval '40 seconds'"))
    return record


def _more(reason: HoldReason) -> dict[str, Any]:
    soon = appointments.FromNow(3600)
    return {"settle_at": soon, "hold_until": soon} if reason is HoldReason.SETTLING else {"held_for": "key"}


@pytest.mark.parametrize("batch", [1, 7, booking_minutes.BATCH])
def test_kept_counts_are_those_of_a_full_count(every_move: Any, batch: int) -> None:
    """Of all moves, in batches of any size; counting again changes nothing."""
    count(every_move, batch=batch)
    once = sums(every_move)
    count(every_move, batch=batch)

    assert wrong(every_move) == []
    accepted, confirmed, failed, expired, cancelled, rejected, retries = once
    assert (confirmed, failed, expired, cancelled, rejected, retries) == (3, 4, 3, 2, 2, 3)
    assert (accepted, released(every_move)) == (
        24,
        {"breaker_open", "configuration", "credentials", "paused", "suspect", "throttled", "unreachable"},
    )
    assert sums(every_move) == once


def test_what_commits_late_is_counted_in_its_minute(record: Any) -> None:
    """Others overtake it: nothing is told as counted that lacks it, and nothing is counted twice."""
    late, quick = record.claimed(), record.claimed()
    count(record)
    with record.engine.begin() as slow:
        appointments.move(slow, late.id, late.status, Status.FAILED, token=late.claim_token, why="because")
        written = slow.execute(text("SELECT clock_timestamp()")).scalar_one()
        assert record.move(quick, Status.REJECTED, why="because")
        count(record)
        with record.engine.connect() as conn:
            assert conn.execute(text("SELECT counted_until FROM counted_bookings")).scalar_one() < written
        assert sums(record)[2] == 0
    count(record)

    assert (sums(record)[2], sums(record)[5]) == (1, 1)
    assert wrong(record) == []


def test_a_row_that_was_taken_back_keeps_nothing_from_being_counted(record: Any) -> None:
    """Its id is a hole."""
    taken_back = record.claimed()
    with record.engine.connect() as conn:
        appointments.move(conn, taken_back.id, Status.BOOKING, Status.FAILED, token=taken_back.claim_token, why="no")
        conn.rollback()
    record.moved(Status.REJECTED, why="because")
    count(record)

    assert wrong(record) == []
    assert (sums(record)[2], sums(record)[5]) == (0, 1)


def test_many_that_count_at_once_count_once(every_move: Any) -> None:
    """Any number of beats and workers."""
    with ThreadPoolExecutor(4) as hands:
        list(hands.map(lambda _: count(every_move, batch=3), range(4)))

    count(every_move)
    assert wrong(every_move) == []


def test_a_count_that_is_broken_off_has_counted_nothing(every_move: Any) -> None:
    """How far it came and what it counted stand and fall together."""
    count(every_move, batch=1)
    before = sums(every_move)
    for _ in range(2):
        every_move.moved(Status.REJECTED, why="because")
        with every_move.engine.connect() as conn:
            booking_minutes.count_on(conn)
            conn.rollback()
    assert sums(every_move) == before

    count(every_move)
    assert wrong(every_move) == []


def test_a_minute_that_is_not_counted_is_a_gap(record: Any) -> None:
    """Neither nothing before anybody counted, nor a part of what happened; a look at what is held stands alone."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid", why="because")
    with record.engine.begin() as conn:
        [confirmed] = events.timeline(conn, row.id)
        minute = confirmed.created_at.replace(second=0, microsecond=0)
        booking_minutes.keep_held(conn, 3, minute)
        span = (minute - charts.MINUTE, minute + charts.MINUTE)
        before, going_on = charts.minutes(conn, *span)
        assert (before.confirmed, before.held, going_on.confirmed, going_on.held) == (None, None, None, 3)
    count(record)
    with record.engine.connect() as conn:
        assert charts.minutes(conn, *span)[0].confirmed is None, "nobody counted then"
        conn.execute(text(ALL_COUNTED))
        assert [one.confirmed for one in charts.minutes(conn, *span)] == [None, 1]
        assert [one.confirmed for one in charts.minutes(conn, *span, step=2 * charts.MINUTE)] == [1]


def test_a_step_shows_the_most_that_was_held_in_it(record: Any) -> None:
    """An outage of a few minutes is seen in the chart of a week, though it was over when its hour was."""
    begins = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    with record.engine.begin() as conn:
        for minute, number in enumerate((0, 180, 0)):
            booking_minutes.keep_held(conn, number, begins + minute * charts.MINUTE)
        shown = charts.minutes(conn, begins, begins + 6 * charts.MINUTE, step=3 * charts.MINUTE)
    assert [one.held for one in shown] == [180, None]


def test_the_last_day_is_told_to_the_latest_event(record: Any) -> None:
    """What is counted, and what came since; while nobody counts, nothing is told."""
    record.moved(Status.FAILED, why="because")
    now = datetime.now(UTC)
    with record.engine.connect() as conn:
        assert counts_now.last_day(conn, now) is None
    count(record)
    record.moved(Status.CONFIRMED, calcom_booking_uid="uid", why="because")

    with record.engine.connect() as conn:
        assert counts_now.last_day(conn, now) == counts_now.DayCounts(1, 0, 1, 0, 0)
        assert counts_now.last_day(conn, now + AHEAD + AHEAD) is None


def test_no_parallel_workers_look_for_what_came_since_the_last_count(record: Any) -> None:
    """Not even where they cost nothing: it is read at every scrape, and to start them takes ten times as long."""
    asked = {"now": datetime.now(UTC), "since": datetime.now(UTC) - timedelta(days=1), "patience_seconds": 120}
    read = statement("last_day")
    with record.engine.begin() as conn:
        for setting in ("setup_cost", "tuple_cost"):
            conn.execute(text(f"SET LOCAL parallel_{setting} = 0"))
        for kind in ("table", "index"):
            conn.execute(text(f"SET LOCAL min_parallel_{kind}_scan_size = 0"))
        plan = conn.execute(text(f"EXPLAIN {read.text}"), asked).scalars()
        newer = [line for line in plan if " on appointment_events" in line]  # perhaps by a bitmap of its index: two

    assert newer
    assert [line for line in newer if "Parallel" in line] == []


def test_what_is_held_is_counted_alike_by_check_and_page(every_move: Any) -> None:
    """The page counts a few itself, and takes many from the last check; a check that is old is not believed."""
    for _ in range(3):
        every_move.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    with every_move.engine.begin() as conn:
        looked = list(_held(conn, cap=1000))
        assert [one.reason for one in _held(conn, cap=2) if one.capped] == [HoldReason.BREAKER_OPEN]

        now = conn.execute(text("SELECT now()")).scalar_one()
        counts_now.keep_held(conn, status_queries.hold_risks(conn, now, lead=0, half_made="half_made"), now)

        assert list(_held(conn, cap=2)) == looked
        assert list(kept_counts.held_wrongly(lambda sql: conn.execute(text(sql)).all())) == []
        conn.execute(text("UPDATE held_now SET counted_at = counted_at - interval '1 minute'"))
        assert [one.count for one in _held(conn, cap=2) if one.capped] == [2]
        conn.execute(text("UPDATE held_now SET count = count + 1 WHERE reason = 'suspect'"))
        assert len(list(kept_counts.held_wrongly(lambda sql: conn.execute(text(sql)).all()))) == 1


def _held(conn: Connection, *, cap: int) -> Iterator[counts_now.HeldNow]:
    return iter(counts_now.held(conn, cap=cap, lead=0))


def test_the_periodic_task_counts_in_its_time(settings: Any, every_move: Any) -> None:
    """It goes on until nothing is left; where its time is up, the next run goes on."""
    settings()
    deps = dependencies.current()
    counting.count(deps)
    assert counting.count(deps, clock=iter((0.0, 9.0)).__next__) == 0
    assert [counting.count_minutes() for _ in range(3)] == [1, 1, 1]

    assert wrong(every_move) == []
    assert sums(every_move)[1] == 3
    deps.engine.dispose()

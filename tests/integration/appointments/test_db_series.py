"""Recurring bookings: each is counted once, when absence may be believed, and a cut one is told once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from db import appointments
from db.appointments import events, series
from db.appointments.there.places import BookedThere
from db.lifecycle import Status


def booked(record: Any, **columns: Any) -> Any:
    """Make a confirmed booking of a series whose count is due."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="week-2", series_uid="series")
    record.write(row.id, **{"ends_at": timedelta(seconds=-1), **columns})
    return record.read(row.id)


def due(record: Any) -> list[int]:
    """Return whose weeks are to be counted."""
    with record.engine.connect() as conn:
        return [row.id for row in series.series_due(conn, 10)]


def count(record: Any, row: Any, weeks: int, **more: Any) -> bool:
    """Write what was counted, of eight weeks."""
    with record.engine.begin() as conn:
        return series.count_series(conn, row.id, weeks=weeks, of=8, **more)


def test_a_series_is_counted_once_absence_may_be_believed(record: Any) -> None:
    """Not while weeks may still be made, or a replica lags; and only a series."""
    row = booked(record)
    booked(record, ends_at=timedelta(seconds=60))
    booked(record, series_uid=None)
    record.moved(Status.CANCELLED, series_uid="series", ends_at=None)

    assert due(record) == [row.id]
    assert count(record, row, 8)
    assert due(record) == []


def test_a_series_whose_post_was_answered_with_all_its_weeks_costs_no_call(record: Any) -> None:
    """The plain path stays at one POST; what comes to light late is counted."""
    row = booked(record, ends_at=None)
    assert due(record) == []
    late = record.moved(Status.FAILED)

    with record.engine.begin() as conn:
        appointments.record_late_uid(conn, late.id, BookedThere("week", series_uid="series"))

    assert due(record) == [late.id]
    assert row.id != late.id


@pytest.mark.parametrize(("weeks", "told"), [(8, []), (4, [{"weeks": 4, "of": 8}]), (0, [{"weeks": 0, "of": 8}])])
def test_a_cut_series_is_told(record: Any, weeks: int, told: Any) -> None:
    """The customer believes in eight weeks."""
    row = booked(record)

    count(record, row, weeks)

    counted = record.read(row.id)
    assert (counted.status, counted.series_weeks, counted.series_of) == (Status.CONFIRMED, weeks, 8)
    with record.engine.connect() as conn:
        story = events.timeline(conn, row.id)
    assert [(event.by, event.detail) for event in story if event.kind == "series_cut"] == [
        ("sweeper", one) for one in told
    ]


@pytest.mark.parametrize(
    ("detail", "told"),
    [({}, [{"weeks": 4, "of": None}]), ({"by_own_answer": True}, [])],
    ids=["found at Cal.com", "by its own answer"],
)
def test_a_series_of_nobody_knows_how_many_weeks_is_told_unless_its_post_was_answered(
    record: Any, detail: dict[str, Any], told: Any
) -> None:
    """Not called whole for want of knowing; the answer to its own POST comes after the last week."""
    row = booked(record)
    with record.engine.begin() as conn:
        events.record(conn, row.id, "confirmed", "worker", {"why": "because"} | detail)

        series.count_series(conn, row.id, weeks=4, of=None)

        story = events.timeline(conn, row.id)
    assert [event.detail for event in story if event.kind == "series_cut"] == told
    assert (record.read(row.id).series_weeks, record.read(row.id).series_of) == (4, None)


def test_our_own_week_is_the_bookings_uid(record: Any) -> None:
    """A round-robin series' answer begins with its second week: the entry at our start is ours."""
    ours, same = booked(record), booked(record)

    count(record, ours, 8, uid="week-1")
    count(record, same, 8)

    assert [record.read(row.id).calcom_booking_uid for row in (ours, same)] == ["week-1", "week-2"]


def test_only_what_is_confirmed_is_counted(record: Any) -> None:
    """One that was found cancelled meanwhile is over."""
    row = booked(record)
    record.move(row, Status.CANCELLED)

    assert not count(record, row, 4)
    assert record.read(row.id).series_weeks is None


def test_of_many_that_count_at_once_one_tells(record: Any) -> None:
    """Any number of sweepers may run."""
    row, start = booked(record), Barrier(4)

    def beat(_number: int) -> bool:
        start.wait(60)
        return count(record, row, 4)

    with ThreadPoolExecutor(4) as beats:
        assert sorted(beats.map(beat, range(4))) == [False, False, False, True]
    with record.engine.connect() as conn:
        assert [event.kind for event in events.timeline(conn, row.id)].count("series_cut") == 1

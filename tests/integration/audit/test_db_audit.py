"""What an audit reads of the record: each booking of a range once, and what ended after it was unknown."""

from datetime import timedelta
from typing import Any

import pytest

from db import appointments
from db.audits import bookings
from db.lifecycle import Status

UNKNOWN = timedelta(hours=-1)
TOLD_NOT_BOOKED = [Status.REJECTED, Status.FAILED, Status.EXPIRED]


def ended(record: Any, status: Status, **columns: Any) -> Any:
    """Make a row that ended so after its outcome had been unknown."""
    row = record.moved(status)
    record.write(row.id, **{"sent_at": UNKNOWN, **columns})
    return record.read(row.id)


@pytest.fixture
def day(record: Any) -> Any:
    """Name the first moment of the day that the test looks at."""
    return record.new().start_at


def between(record: Any, function: Any, day: Any) -> list[int]:
    """Return the ids that an audit of that day reads."""
    with record.engine.connect() as conn:
        return [row.id for row in function(conn, day, day + timedelta(days=1))]


def test_every_confirmed_booking_of_the_range_is_read_once(
    record: Any, day: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many start at one moment, and batches end in their midst; the end of the range is not in it."""
    monkeypatch.setattr(bookings, "_BATCH", 3)
    starts = [day, day, day, day, day + timedelta(hours=5), day + timedelta(hours=1), day + timedelta(hours=5)]
    with record.engine.begin() as conn:
        kept = appointments.insert(conn, [record.new(start_at=start) for start in starts])
    ids = [one.appointment.id for one in kept]
    outside = [record.keep(start_at=day + timedelta(days=days, seconds=-days)) for days in (-1, 1, 2)]
    record.write(outside[1].id, start_at=day + timedelta(days=1))
    for row_id in [*ids, *(row.id for row in outside)]:
        record.write(row_id, status=Status.CONFIRMED, calcom_booking_uid="uid")
    record.keep(start_at=day)

    found = between(record, bookings.confirmed_between, day)

    assert sorted(found) == ids
    assert found == sorted(ids, key=lambda row_id: (starts[ids.index(row_id)], row_id))


@pytest.mark.parametrize("status", [*TOLD_NOT_BOOKED, Status.CANCELLED])
def test_what_ended_after_it_was_unknown_is_judged_too(record: Any, day: Any, status: Status) -> None:
    """It may be booked there all the same; what was never unknown is not asked about."""
    row = ended(record, status, start_at=day)
    ended(record, status, start_at=day, sent_at=None)
    ended(record, status, start_at=day + timedelta(days=1))
    still = record.moved(Status.RETRYING)
    record.write(still.id, start_at=day, sent_at=UNKNOWN)

    assert between(record, bookings.ended_unknown_between, day) == [row.id]


def test_all_that_was_told_not_booked_is_listed_by_its_start(
    record: Any, day: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a person who calls, the nearest first; a cancelled one was told nothing wrong."""
    monkeypatch.setattr(bookings, "_BATCH", 2)
    rows = [ended(record, status, start_at=day - timedelta(days=n)) for n, status in enumerate(TOLD_NOT_BOOKED)]
    ended(record, Status.CANCELLED)
    ended(record, Status.FAILED, sent_at=None)

    with record.engine.connect() as conn:
        found = [row.id for row in bookings.once_unknown(conn)]

    assert found == [row.id for row in reversed(rows)]

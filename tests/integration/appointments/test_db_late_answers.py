"""A booking found after its row has moved on: its uid is recorded, and a customer who heard "not booked" is named."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import appointments
from db.appointments import FromNow, events
from db.appointments.there.places import BookedThere
from db.lifecycle import HoldReason, Status

TOLD_NOT_BOOKED: list[tuple[Status, dict[str, Any]]] = [
    (Status.REJECTED, {"calcom_booking_uid": "of-another"}),
    (Status.REJECTED, {}),
    (Status.FAILED, {}),
    (Status.EXPIRED, {}),
]


def late(record: Any, row: Any, uid: str = "late", series_uid: str | None = None, **more: Any) -> Any:
    """Record a late 201 and read the row."""
    with record.engine.begin() as conn:
        appointments.record_late_uid(conn, row.id, BookedThere(uid, "seat", series_uid), **more)
    return record.read(row.id)


def told(record: Any, row: Any) -> list[tuple[str, str, Any]]:
    """Return what the story says of a row that was told "not booked"."""
    with record.engine.connect() as conn:
        story = events.timeline(conn, row.id)
    return [(event.by, event.detail["was"], event.detail["uid"]) for event in story if event.kind == "told_not_booked"]


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.RETRYING, Status.PENDING])
def test_a_row_that_moved_on_carries_the_uid(record: Any, status: Status) -> None:
    """The row stays where it is, and says which booking stands at Cal.com; nobody was told that there is none."""
    row = late(record, record.moved(status))

    assert (row.status, row.calcom_booking_uid, row.calcom_seat_uid) == (status, "late", "seat")
    assert told(record, row) == []


@pytest.mark.parametrize(("status", "changes"), TOLD_NOT_BOOKED)
def test_who_was_told_not_booked_is_confirmed_and_told_of(record: Any, status: Status, changes: dict[str, Any]) -> None:
    """Positive evidence wins at any time; somebody believes what is no longer so, and must be called."""
    row = late(record, record.moved(status, **changes), why="found by an audit", by="operator")

    assert (row.status, row.calcom_booking_uid, row.calcom_seat_uid) == (Status.CONFIRMED, "late", "seat")
    assert told(record, row) == [("operator", status, "late")]
    with record.engine.connect() as conn:
        [confirmed] = [event for event in events.timeline(conn, row.id) if event.kind == "confirmed"]
    assert (confirmed.by, confirmed.detail["why"]) == ("operator", "found by an audit")


@pytest.mark.parametrize("status", [one for one in Status if one not in {Status.BOOKING, Status.CONFIRMED}])
def test_the_state_that_the_row_had_is_returned(record: Any, status: Status) -> None:
    """The process that records it knows whom to tell."""
    row = record.moved(status, **({"hold_reason": HoldReason.SUSPECT} if status is Status.HELD else {}))

    with record.engine.begin() as conn:
        assert appointments.record_late_uid(conn, row.id, BookedThere("late")) is status


def test_a_row_that_is_gone_has_no_state(record: Any) -> None:
    """A pruned row is no error."""
    with record.engine.begin() as conn:
        assert appointments.record_late_uid(conn, 12345, BookedThere("late")) is None


def test_a_series_found_late_is_counted_later(record: Any) -> None:
    """Its uid is kept with it; one that is not told leaves what is known."""
    row = late(record, record.moved(Status.FAILED), series_uid="series")

    assert row.series_uid == "series"
    assert late(record, record.moved(Status.RETRYING, series_uid="known")).series_uid == "known"


def test_the_next_claim_sees_the_uid(record: Any) -> None:
    """An attempt that has begun meanwhile keeps its claim; the one after it must not post again."""
    row = late(record, record.claimed())
    record.move(row, Status.RETRYING)

    assert record.claim(row.id).calcom_booking_uid == "late"


def test_a_held_row_is_confirmed_and_no_longer_unknown(record: Any) -> None:
    """A booking that settles, or that a blind key holds, needs no look any more."""
    row = record.claimed()
    now = datetime.now(UTC)
    unknown = {"outcome_unknown": True, "sent_at": now, "settle_at": now}
    record.move(row, Status.HELD, hold_reason=HoldReason.SETTLING, hold_until=FromNow(0), **unknown)

    confirmed = late(record, row)

    assert (confirmed.status, confirmed.outcome_unknown, confirmed.hold_reason) == (Status.CONFIRMED, False, None)


def test_a_second_booking_is_told_and_does_not_replace_the_first(record: Any) -> None:
    """Two uids for one request are what must never be: the row keeps the first, the story tells both."""
    row = late(record, record.moved(Status.CONFIRMED, calcom_booking_uid="first"))

    assert row.calcom_booking_uid == "first"
    with record.engine.connect() as conn:
        [event] = events.timeline(conn, row.id)
    assert (event.kind, event.detail["uid"], event.detail["kept"]) == ("late_uid", "late", "first")


def test_a_failed_row_whose_key_was_asked_for_again_only_carries_the_uid(record: Any) -> None:
    """The newer booking lives under the key; the late one is recorded for the audit to find."""
    failed = record.claimed(idempotency_key="same", key_derived=True)
    record.move(failed, Status.FAILED)
    record.keep(idempotency_key="same", key_derived=True)

    for _ in range(2):
        row = late(record, failed)

    assert (row.status, row.calcom_booking_uid) == (Status.FAILED, "late")
    assert told(record, row) == [("worker", "failed", "late")]  # once, however often it is found


@pytest.mark.parametrize("end", [Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED])
def test_no_row_that_has_its_booking_ends_as_not_booked(record: Any, end: Status) -> None:
    """A late answer came while a worker was at it: what that worker found is older, and its next claim confirms it."""
    row = record.claimed()
    with record.engine.begin() as conn:
        appointments.record_late_uid(conn, row.id, BookedThere("late"))

    assert not record.move(row, end, why="not booked")

    assert record.read(row.id).calcom_booking_uid == "late"


def test_what_is_booked_does_not_expire(record: Any) -> None:
    """Its next claim confirms it, however near its start."""
    row = record.keep(start_at=record.new().start_at)
    with record.engine.begin() as conn:
        appointments.record_late_uid(conn, row.id, BookedThere("late"))
    record.write(row.id, start_at=timedelta(seconds=-1))

    assert record.sweep(appointments.expire, lead_seconds=0, limit=10) == []

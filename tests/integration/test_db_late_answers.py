"""A 201 that comes after its worker has lost the lease: its uid is recorded, whatever became of the row."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func

from db import appointments, events
from db.lifecycle import HoldReason, Status

ENDS: list[tuple[Status, dict[str, Any]]] = [
    (Status.REJECTED, {"calcom_booking_uid": "of-another"}),
    (Status.EXPIRED, {}),
    (Status.CANCELLED, {}),
    (Status.RETRYING, {}),
    (Status.PENDING, {}),
]


def late(record: Any, row: Any, uid: str = "late") -> Any:
    """Record a late 201 and read the row."""
    with record.engine.begin() as conn:
        appointments.record_late_uid(conn, row.id, uid, "seat")
    return record.read(row.id)


@pytest.mark.parametrize(("status", "changes"), ENDS)
def test_a_row_that_moved_on_carries_the_uid(record: Any, status: Status, changes: dict[str, Any]) -> None:
    """The row stays where it is, and says which booking stands at Cal.com."""
    row = late(record, record.moved(status, **changes))

    assert (row.status, row.calcom_booking_uid, row.calcom_seat_uid) == (status, "late", "seat")


def test_the_next_claim_sees_the_uid(record: Any) -> None:
    """An attempt that has begun meanwhile keeps its claim; the one after it must not post again."""
    row = late(record, record.claimed())
    record.move(row, Status.RETRYING)

    assert record.claim(row.id).calcom_booking_uid == "late"


def test_a_failed_row_is_confirmed(record: Any) -> None:
    """What Cal.com booked is booked, even after we had given up."""
    assert late(record, record.moved(Status.FAILED)).status is Status.CONFIRMED


def test_a_held_row_is_confirmed_and_no_longer_unknown(record: Any) -> None:
    """A booking that settles, or that a blind key holds, needs no look any more."""
    row = record.claimed()
    now = datetime.now(UTC)
    unknown = {"outcome_unknown": True, "sent_at": now, "settle_at": now}
    record.move(row, Status.HELD, hold_reason=HoldReason.SETTLING, hold_until=func.now(), **unknown)

    confirmed = late(record, row)

    assert (confirmed.status, confirmed.outcome_unknown, confirmed.hold_reason) == (Status.CONFIRMED, False, None)


def test_a_second_booking_is_told_and_does_not_replace_the_first(record: Any) -> None:
    """Two uids for one request are what must never be: the row keeps the first, the story tells both."""
    row = late(record, record.moved(Status.CONFIRMED, calcom_booking_uid="first"))

    assert row.calcom_booking_uid == "first"
    with record.engine.connect() as conn:
        [event] = events.story(conn, row.id)
    assert (event.kind, event.detail["uid"], event.detail["kept"]) == ("late_uid", "late", "first")


def test_a_failed_row_whose_key_was_asked_for_again_only_carries_the_uid(record: Any) -> None:
    """The newer booking lives under the key; the late one is recorded for the audit to find."""
    failed = record.claimed(idempotency_key="same", key_derived=True)
    record.move(failed, Status.FAILED)
    record.keep(idempotency_key="same", key_derived=True)

    row = late(record, failed)

    assert (row.status, row.calcom_booking_uid) == (Status.FAILED, "late")

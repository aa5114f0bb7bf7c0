"""A booking of ours counts as booked before only when it was never in flight together with the one that asks."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from db.appointments import others
from db.lifecycle import Status

SAME: dict[str, Any] = {"attendee_email": "ann@example.com", "attendee_phone": None}
NOT_BOOKED = [Status.PENDING, Status.FAILED, Status.REJECTED, Status.CANCELLED]


def asked(record: Any, start: Any, **changes: Any) -> Any:
    """Ask for the same booking as all others here, but for some changes."""
    return record.claimed(**{**SAME, "start_at": start, **changes})


def confirm(record: Any, row: Any) -> None:
    """Confirm a claimed row; its story tells when."""
    assert record.move(row, Status.CONFIRMED, calcom_booking_uid="uid", calcom_seat_uid="seat", why="booked")


def both(record: Any, row: Any, other: Any) -> tuple[bool, bool | None]:
    """Ask in both ways, as is known of the row now."""
    row = record.read(row.id)
    with record.engine.connect() as conn:
        return others.seat_before(conn, row) is not None, others.was_booked_before(conn, other.uuid, row)


@pytest.fixture
def start(record: Any) -> Any:
    """Give a start that all requests here share."""
    return record.new().start_at


def test_what_was_confirmed_before_was_booked_before(record: Any, start: Any) -> None:
    """The other one was done when this one was sent for the first time, or asked for."""
    other = asked(record, start)
    confirm(record, other)
    row = asked(record, start)
    assert both(record, row, other) == (True, True)

    record.write(row.id, sent_at=timedelta(seconds=1), created_at=timedelta(hours=-1))

    assert both(record, row, other) == (True, True)


def test_what_was_in_flight_together_proves_nothing(record: Any, start: Any) -> None:
    """Of two at once Cal.com may name either, whichever it kept."""
    other, row = asked(record, start), asked(record, start)
    confirm(record, other)
    assert both(record, row, other) == (False, False)

    record.write(row.id, sent_at=timedelta(seconds=-1))

    assert both(record, row, other) == (False, False)


@pytest.mark.parametrize("status", NOT_BOOKED)
def test_what_is_not_booked_proves_nothing(record: Any, start: Any, status: Status) -> None:
    """Not what was cancelled since either: its place is somebody else's by now."""
    other = asked(record, start)
    if status is Status.CANCELLED:
        confirm(record, other)
        other = record.read(other.id)
    record.move(other, status)
    row = asked(record, start)

    assert both(record, row, other) == (False, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"event_type_id": 102},
        {"event_type_id": None, "event_type_slug": "visit", "username": "ann"},
        {"attendee_email": "bob@example.com"},
        {"attendee_email": None, "attendee_phone": "+12025550143"},
    ],
)
def test_another_persons_or_types_booking_is_another(record: Any, start: Any, changes: dict[str, Any]) -> None:
    """By its reference it is known all the same: that Cal.com has named."""
    other = asked(record, start, **changes)
    confirm(record, other)
    row = asked(record, start)

    assert both(record, row, other) == (False, True)


def test_another_time_is_another_booking(record: Any, start: Any) -> None:
    """One person may come twice a day."""
    other = asked(record, start + timedelta(hours=1))
    confirm(record, other)

    assert both(record, asked(record, start), other)[0] is False


def test_an_attendee_is_known_by_the_address_and_only_without_one_by_the_number(record: Any, start: Any) -> None:
    """As Cal.com knows them."""
    numbers: dict[str, Any] = {"attendee_email": None, "attendee_phone": "+12025550143"}
    for there, here in [({"attendee_phone": "+12025550199"}, {}), (numbers, numbers)]:
        other = asked(record, start, **there)
        confirm(record, other)

        assert both(record, asked(record, start, **here), other) == (True, True)
        record.move(record.read(other.id), Status.CANCELLED)


def test_a_reference_that_no_request_of_ours_has_is_somebody_elses(record: Any, start: Any) -> None:
    """None, not False: whose it is cannot be told from here."""
    row = asked(record, start)

    with record.engine.connect() as conn:
        assert others.was_booked_before(conn, uuid4(), row) is None
        assert others.was_booked_before(conn, row.uuid, row) is False

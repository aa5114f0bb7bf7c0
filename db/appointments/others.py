"""Other requests of an account: for the very same booking, which Cal.com may mean by "already booked"; and for a time.

It counts as booked before only when it was never in flight together with this one: of two that were, Cal.com may name
either, whichever it kept.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, exists, literal_column, select

from db.appointments.appointment import Appointment
from db.lifecycle import Status
from db.models.bookings import appointment_events, appointments
from db.sql import statement

_COLUMNS = appointments.c
_EVENT_TYPE = ("event_type_id", "event_type_slug", "username", "team_slug", "organization_slug")


class WantedStart(NamedTuple):
    """Hold a start that a request is on the way to, and for how long; zero: not known."""

    start: datetime
    length: timedelta


def wanted_starts(
    conn: Connection, event_type: int, begin: datetime, end: datetime, *, account: int
) -> list[WantedStart]:
    """Return the starts in a period that requests for an event type claim; none where it may take more than one."""
    asked = {"event_type": event_type, "begin": begin, "end": end, "account": account}
    return [WantedStart(*row) for row in conn.execute(statement("wanted_starts"), asked)]


def seat_before(conn: Connection, row: Appointment) -> str | None:
    """Return the seat of another request of ours for this event type, start and attendee that was booked before.

    It is what our record says: whether that seat still stands, only Cal.com knows.
    """
    # Cal.com knows an attendee by the address, and by the phone number only where there is none.
    attendee = ("attendee_email",) if row.attendee_email else ("attendee_email", "attendee_phone")
    same = [getattr(_COLUMNS, name).is_not_distinct_from(getattr(row, name)) for name in (*_EVENT_TYPE, *attendee)]
    seat = _COLUMNS.calcom_seat_uid
    wanted = select(seat).where(_COLUMNS.start_at == row.start_at, *same, _before(row), seat.is_not(None)).limit(1)
    return conn.execute(wanted).scalar_one_or_none()


def was_booked_before(conn: Connection, reference: UUID, row: Appointment) -> bool | None:
    """Tell whether the request of ours that has this reference was booked before `row` was sent; None: none has it."""
    of_the_account = _COLUMNS.uuid == reference, _COLUMNS.account_id == row.account_id
    return conn.execute(select(_before(row)).where(*of_the_account)).scalar_one_or_none()


def _before(row: Appointment) -> ColumnElement[bool]:
    """Say of another row: confirmed, and was so when the first POST of `row` that may still count was sent."""
    events = appointment_events.c
    confirmed = exists().where(
        events.appointment_id == _COLUMNS.id,
        events.kind == Status.CONFIRMED.value,
        events.created_at < (row.sent_at or row.created_at),
    )
    # A literal, so that the partial index on confirmed bookings serves the prepared statement, too.
    own = _COLUMNS.account_id == row.account_id
    return and_(_COLUMNS.id != row.id, own, _COLUMNS.status == literal_column("'confirmed'"), confirmed)


def another_uid(conn: Connection, row: Appointment) -> str | None:
    """Return the uid of the latest other booking of the account that is confirmed; None: there is none."""
    ours = _COLUMNS.id != row.id, _COLUMNS.account_id.is_not_distinct_from(row.account_id)
    other = _COLUMNS.calcom_booking_uid != row.calcom_booking_uid  # another seat of the same booking says nothing
    wanted = select(_COLUMNS.calcom_booking_uid).where(_COLUMNS.status == literal_column("'confirmed'"), *ours, other)
    return conn.execute(wanted.order_by(_COLUMNS.id.desc()).limit(1)).scalar_one_or_none()

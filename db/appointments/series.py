"""Recurring bookings: which are to be counted at Cal.com, and what was counted."""

from sqlalchemy import Connection

from db.appointments.appointment import Appointment
from db.sql import statement


def series_due(conn: Connection, limit: int) -> list[Appointment]:
    """Return confirmed bookings of a series whose weeks nobody has counted yet, once absence may be believed."""
    return [Appointment.of(row) for row in conn.execute(statement("series_due"), {"limit": limit}).mappings()]


def put_off(conn: Connection, appointment_id: int) -> None:
    """Record that a series could not be counted now: it is counted after as long again as has passed since its POST."""
    conn.execute(statement("put_off_series"), {"appointment_id": appointment_id})


def count_series(conn: Connection, appointment_id: int, *, weeks: int, of: int | None, uid: str | None = None) -> bool:
    """Record that `weeks` of `of` weeks are booked, and an event if some are missing; False: it was counted before.

    `of` is None where nobody knows how many there should be: then some may be missing. `uid` is the booking of our own
    start, where the row has another week's.
    """
    counted = {"appointment_id": appointment_id, "weeks": weeks, "of": of, "uid": uid}
    return conn.execute(statement("count_series"), counted).first() is not None

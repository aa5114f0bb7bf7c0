"""Bookings: kept, read, claimed, moved, swept. The face of `db` for tasks; the rooms behind it are small.

Each function takes the caller's connection and leaves the transaction to the caller; time is Postgres's now(). Every
move to pending or retrying counts the row's message as enqueued: the caller sends it right after the commit, or takes
that back with `mark_unsent`.
"""

import re
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select

from db.appointment import Appointment, NewAppointment
from db.insertion import Inserted, insert
from db.moves import KeyTakenError, amend, claim, forget_cause, move, record_late_uid, renew
from db.schema import appointments
from db.sweeps import blind_types, expire, lost_leases, mark_unsent, release_due, unsent

__all__ = [
    "Appointment",
    "Inserted",
    "KeyTakenError",
    "NewAppointment",
    "amend",
    "blind_types",
    "by_task",
    "claim",
    "expire",
    "find",
    "forget_cause",
    "get",
    "insert",
    "lost_leases",
    "mark_unsent",
    "move",
    "record_late_uid",
    "release_due",
    "renew",
    "unsent",
]

_ID = re.compile(r"[0-9]{1,18}", re.ASCII)  # what bigint holds, whatever the digits


def get(conn: Connection, appointment_id: int) -> Appointment | None:
    """Read a booking by its id."""
    return _newest(conn, appointments.c.id == appointment_id)


def by_task(conn: Connection, task_id: str) -> Appointment | None:
    """Read a booking by its Celery task's id, which stays the same through retry, hold and release."""
    return _newest(conn, appointments.c.task_id == task_id)


def find(conn: Connection, id_or_key: str) -> Appointment | None:
    """Read a booking by what a person has of it: its id, its uuid, or its idempotency key (the newest of that key)."""
    found = None
    if _ID.fullmatch(id_or_key):
        found = get(conn, int(id_or_key))
    elif (reference := _uuid(id_or_key)) is not None:
        found = _newest(conn, appointments.c.uuid == reference)
    return found or _newest(conn, appointments.c.idempotency_key == id_or_key)


def _newest(conn: Connection, where: ColumnElement[bool]) -> Appointment | None:
    row = conn.execute(select(appointments).where(where).order_by(appointments.c.id.desc()).limit(1)).mappings().first()
    return None if row is None else Appointment.of(row)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

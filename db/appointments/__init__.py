"""Bookings: stored, read, claimed, moved, swept; what tasks need of `db`, from the modules of this package.

Each function takes the caller's connection and leaves the transaction to the caller; time is Postgres's now(). Every
move to pending or retrying counts the row's message as enqueued: the caller sends it right after the commit, or takes
that back with `db.queue.sweeps.mark_unsent`.
"""

import unicodedata
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, func, select

from booking_client.database.statements import load
from booking_client.insertion import Inserted, Kept, NewAppointment, NotFirst
from booking_client.keep_rule import LineRule
from db.appointments.appointment import COLUMNS_SQL, Appointment
from db.appointments.events import request_cancel
from db.appointments.identifiers import ID, as_uuid
from db.appointments.insertion import insert
from db.appointments.moves import Claimed, KeyTakenError, claim, claim_together, move
from db.appointments.sweeps import expire, never_known, requested
from db.appointments.there.confirmations import Confirmation, confirm_together
from db.appointments.there.late_answers import record_late_uid
from db.connection import FromNow, fetch
from db.models.bookings import appointments
from db.sql import prepared

__all__ = [
    "AmbiguousError",
    "Appointment",
    "Claimed",
    "Confirmation",
    "FromNow",
    "Inserted",
    "Kept",
    "KeyTakenError",
    "LineRule",
    "NewAppointment",
    "NotFirst",
    "by_task",
    "claim",
    "claim_together",
    "confirm_together",
    "expire",
    "find",
    "get",
    "insert",
    "move",
    "never_known",
    "now",
    "record_late_uid",
    "request_cancel",
    "requested",
]


class AmbiguousError(ValueError):
    """Raised when a text names two bookings: one by its id, and another one by its key."""


def now(conn: Connection) -> datetime:
    """Return Postgres's time."""
    moment: datetime = conn.execute(select(func.now())).scalar_one()
    return moment


def get(conn: Connection, appointment_id: int, *, lock: bool = False) -> Appointment | None:
    """Read a booking by its id; `lock`: it stays as it is read until the transaction ends."""
    return _newest(conn, appointments.c.id == appointment_id, lock=lock)


def by_task(conn: Connection, task_id: str) -> Appointment | None:
    """Read a booking by its Celery task's id, which stays the same through retry, hold and release."""
    return _newest(conn, appointments.c.task_id == task_id)


def find(conn: Connection, id_or_key: str, *, account: str | None = None, lock: bool = False) -> Appointment | None:
    """Read a booking by its id, its uuid or its idempotency key at an account (the newest of that key).

    `account` is its name; None: `default`. `lock`: as in `get`.

    Raises:
        AmbiguousError: It is the id of one booking and the key of another.
    """
    number = int(id_or_key) if ID.fullmatch(id_or_key) else None
    reference = as_uuid(id_or_key) if number is None else None
    key = unicodedata.normalize("NFC", id_or_key)  # as requests write it, however this terminal does
    asked = {"id": number, "uuid": reference, "key": key, "account": account}
    rows = [Appointment.read(row) for row in fetch(conn, _find_sql(lock=lock), asked)]
    named = next((row for row in rows if number == row.id or reference == row.uuid), None)
    keyed = next((row for row in rows if row is not named), None)
    if named is not None and keyed is not None:
        raise AmbiguousError(
            f"{id_or_key} is the {'id' if reference is None else 'uuid'} of booking {named.id} ({named.uuid}) and the "
            f"key of booking {keyed.id} ({keyed.uuid}): give the uuid"
        )
    return named or keyed


@cache
def _find_sql(*, lock: bool) -> str:
    sql = prepared("find", COLUMNS_SQL).replace("/* by key */", load("find_by_key", None, "id"))
    return f"{sql}\nFOR NO KEY UPDATE" if lock else sql


def _newest(conn: Connection, where: ColumnElement[bool], *, lock: bool = False) -> Appointment | None:
    query = select(appointments).where(where).order_by(appointments.c.id.desc()).limit(1)
    row = conn.execute(query.with_for_update(key_share=True) if lock else query).mappings().first()
    return None if row is None else Appointment.of(row)

"""What Cal.com told a key about an event type: its kind, and whether the list shows this key all of its bookings.

Kept a day for each key and type, so that the plain path costs no call.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select
from sqlalchemy.dialects.postgresql import Insert, insert

from db.appointments.appointment import Appointment
from db.event_kind import EventKind
from db.schema import calcom_event_types as _types
from db.sql import statement

__all__ = ["EventKind", "EventType", "confirmed", "keep", "known", "learn_id", "mark_deleted", "was_here"]

_columns = _types.c
_KEY = ("key_fingerprint", "event_type")
_NEVER = datetime.fromtimestamp(0, UTC)  # of a row whose kind and sight nobody has asked for


@dataclass(frozen=True, kw_only=True)
class EventType:
    """A row of `calcom_event_types`; `fresh`: asked within a day, by Postgres's clock."""

    key_fingerprint: str
    event_type: str
    calcom_id: int | None
    kind: EventKind
    sight: bool
    seats: bool
    occurrences: int | None
    deleted: bool
    asked_at: datetime
    kind_changed_at: datetime | None
    looked_at: datetime | None
    fresh: bool

    @property
    def recurs(self) -> bool:
        """Say whether a booking of it is a series."""
        return self.occurrences is not None


def known(conn: Connection, key_fingerprint: str, event_type: str) -> EventType | None:
    """Return what this key was told of an event type (`Appointment.event_type`), however long ago."""
    asked = select(_types, _fresh()).where(
        _columns.key_fingerprint == key_fingerprint, _columns.event_type == event_type
    )
    row = conn.execute(asked).mappings().first()
    return None if row is None else _read(row)


def keep(
    conn: Connection,
    key_fingerprint: str,
    event_type: str,
    *,
    kind: EventKind,
    sight: bool,
    seats: bool = False,
    occurrences: int | None = None,
    calcom_id: int | None = None,
) -> EventType:
    """Record what Cal.com has just told; an id that is known already stays where none is given."""
    values: dict[str, Any] = {
        "kind": kind,
        "sight": sight,
        "seats": seats,
        "occurrences": occurrences,
        "deleted": False,
    }
    statement = _upsert(key_fingerprint, event_type, **values, calcom_id=calcom_id)
    statement = statement.on_conflict_do_update(
        index_elements=_KEY,
        set_=values | {"calcom_id": func.coalesce(calcom_id, _columns.calcom_id), "asked_at": func.now()},
    )
    return _read(conn.execute(statement.returning(_types, _fresh())).mappings().one())


def learn_id(conn: Connection, key_fingerprint: str, event_type: str, calcom_id: int) -> None:
    """Record Cal.com's own number of an event type, as a 201 or a list tells it; kind and sight stay unasked."""
    _note(conn, key_fingerprint, event_type, calcom_id=calcom_id)


def mark_deleted(conn: Connection, key_fingerprint: str, event_type: str) -> None:
    """Record that Cal.com has no such event type any more; what was known of it before still counts."""
    _note(conn, key_fingerprint, event_type, deleted=True)


def confirmed(conn: Connection) -> list[Appointment]:
    """Return the latest confirmed booking of each event type (`Appointment.event_type`)."""
    return [Appointment.of(row) for row in conn.execute(statement("confirmed_types")).mappings()]


def was_here(conn: Connection, event_type: str) -> bool:
    """Return whether Cal.com was ever seen to have this event type (`Appointment.event_type`), with whatever key."""
    return bool(conn.execute(statement("known_type"), {"event_type": event_type}).scalar_one())


def _note(conn: Connection, key_fingerprint: str, event_type: str, **values: Any) -> None:
    unasked = {"kind": EventKind.UNKNOWN, "sight": False, "seats": False, "asked_at": _NEVER}
    statement = _upsert(key_fingerprint, event_type, **unasked, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=values))


def _upsert(key_fingerprint: str, event_type: str, **values: Any) -> Insert:
    return insert(_types).values(key_fingerprint=key_fingerprint, event_type=event_type, **values)


def _fresh() -> ColumnElement[bool]:
    return (_columns.asked_at > func.now() - func.make_interval(0, 0, 0, 1)).label("fresh")


def _read(row: RowMapping) -> EventType:
    return EventType(**row)

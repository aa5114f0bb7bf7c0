"""The story of a booking: what happened, when, by whom and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from db.schema import appointment_events as _events


@dataclass(frozen=True)
class Event:
    """One line of the story; `detail` holds no secrets and no personal data."""

    kind: str
    by: str  # worker, sweeper, operator, caller
    detail: Mapping[str, Any]
    created_at: datetime


def record(conn: Connection, appointment_id: int, kind: str, by: str, detail: Mapping[str, Any] | None = None) -> None:
    """Append one event, in the caller's transaction: it stands if and only if what it tells of does."""
    conn.execute(insert(_events).values(appointment_id=appointment_id, kind=kind, by=by, detail=dict(detail or {})))


def story(conn: Connection, appointment_id: int) -> list[Event]:
    """Return all events of a booking, oldest first."""
    columns = _events.c
    rows = conn.execute(
        select(columns.kind, columns.by, columns.detail, columns.created_at)
        .where(columns.appointment_id == appointment_id)
        .order_by(columns.id)
    )
    return [Event(row.kind, row.by, row.detail, row.created_at) for row in rows]

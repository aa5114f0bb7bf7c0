"""Transitions of the breaker, one row each for the whole fleet, however often they are told."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from db.schema import circuit_breaker_events as _events


def record_transitions(conn: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Write transitions (columns of `circuit_breaker_events`); return how many were new."""
    if not rows:
        return 0
    statement = insert(_events).on_conflict_do_nothing(constraint="circuit_breaker_events_once")
    return len(conn.execute(statement.returning(_events.c.id), list(rows)).all())

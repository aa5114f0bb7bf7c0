"""Failures counted by window: written once, whoever counts them again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from db.schema import failure_metrics as _metrics

_columns = _metrics.c
BATCH = 1000
"""Rows of one INSERT: PostgreSQL takes 65,535 parameters."""


def written_until(conn: Connection, service: str) -> datetime | None:
    """Return the end of the last window that is written; all before it are, or were never whole."""
    newest = (
        select(_columns.window_end)
        .where(_columns.service == service)
        .order_by(_columns.created_at.desc(), _columns.window_end.desc())
        .limit(1)
    )
    return conn.execute(newest).scalar_one_or_none()


def write(conn: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Write rows (columns of `failure_metrics`); return how many were new. What is there stays as it is."""
    statement = insert(_metrics).on_conflict_do_nothing(constraint="failure_metrics_once").returning(_columns.id)
    parts = (list(rows[at : at + BATCH]) for at in range(0, len(rows), BATCH))
    return sum(len(conn.execute(statement, part).all()) for part in parts)

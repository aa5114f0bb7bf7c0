"""Overrides of the breaker, by operators or by a refused key: kept here, for Redis may forget."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.models.resilience import breaker_overrides as _overrides
from db.sql import statement

_columns = _overrides.c


@dataclass(frozen=True)
class Override:
    """An override in force; `mode` is open, off or credentials."""

    id: int
    mode: str
    key_fingerprint: str | None
    by: str
    why: str
    until: datetime | None
    created_at: datetime


def add(
    conn: Connection,
    service: str,
    mode: str,
    *,
    by: str,
    why: str,
    until: datetime | None = None,
    key_fingerprint: str | None = None,
) -> int | None:
    """Record an override and return its number; None when the very same is in force (a blocked key stays blocked).

    A number is above every one before it, also of tables that are gone: see override_number.sql.
    """
    conn.execute(statement("lock_overrides"))
    if mode != "credentials":
        lift(conn, service, {"open", "off"}, by=by)
    conn.execute(statement("override_number"))
    written = insert(_overrides).values(
        service=service, mode=mode, key_fingerprint=key_fingerprint, by=by, why=why, until=until
    )
    number: int | None = conn.execute(written.on_conflict_do_nothing().returning(_columns.id)).scalar_one_or_none()
    return number


def lift(conn: Connection, service: str, modes: Collection[str], *, by: str, ids: Collection[int] | None = None) -> int:
    """End the overrides of these modes, or only those of them that `ids` name; return how many there were."""
    where = [_columns.service == service, _columns.mode.in_(modes), _columns.lifted_at.is_(None)]
    if ids is not None:
        where.append(_columns.id.in_(ids))
    return conn.execute(update(_overrides).where(*where).values(lifted_at=func.now(), lifted_by=by)).rowcount


def in_force(conn: Connection, service: str) -> list[Override]:
    """Return the overrides in force, oldest first."""
    rows = conn.execute(
        select(_overrides)
        .where(
            _columns.service == service,
            _columns.lifted_at.is_(None),
            or_(_columns.until.is_(None), _columns.until > func.now()),
        )
        .order_by(_columns.id)
    )
    return [Override(row.id, row.mode, row.key_fingerprint, row.by, row.why, row.until, row.created_at) for row in rows]

"""What operators ordered of the breaker: kept here, for Redis may forget."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.schema import breaker_overrides as _orders

_columns = _orders.c


@dataclass(frozen=True)
class Override:
    """An order in force; `mode` is open, off or credentials."""

    id: int
    mode: str
    key_fingerprint: str | None
    by: str
    why: str
    until: datetime | None


def order(
    conn: Connection,
    service: str,
    mode: str,
    *,
    by: str,
    why: str,
    until: datetime | None = None,
    key_fingerprint: str | None = None,
) -> int | None:
    """Write an order; None when the very same is in force already (a key that is blocked stays blocked)."""
    if mode != "credentials":
        lift(conn, service, {"open", "off"}, by=by)
    statement = insert(_orders).values(
        service=service, mode=mode, key_fingerprint=key_fingerprint, by=by, why=why, until=until
    )
    number: int | None = conn.execute(statement.on_conflict_do_nothing().returning(_columns.id)).scalar_one_or_none()
    return number


def lift(conn: Connection, service: str, modes: Collection[str], *, by: str) -> int:
    """End the orders of these modes; return how many there were."""
    ended = conn.execute(
        update(_orders)
        .where(_columns.service == service, _columns.mode.in_(modes), _columns.lifted_at.is_(None))
        .values(lifted_at=func.now(), lifted_by=by)
    )
    return ended.rowcount


def in_force(conn: Connection, service: str) -> list[Override]:
    """Return the orders in force, oldest first."""
    rows = conn.execute(
        select(_orders)
        .where(
            _columns.service == service,
            _columns.lifted_at.is_(None),
            or_(_columns.until.is_(None), _columns.until > func.now()),
        )
        .order_by(_columns.id)
    )
    return [Override(row.id, row.mode, row.key_fingerprint, row.by, row.why, row.until) for row in rows]

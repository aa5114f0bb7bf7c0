"""What an operator names by what holds it: counted, and released."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from db.lifecycle import HoldReason
from db.queue.kinds import Row, RowKind


class HeldSo(NamedTuple):
    """A hold reason, of one event type and of one account; None: of all."""

    reason: HoldReason
    event_type_id: int | None = None
    account: int | None = None

    def asked(self) -> Mapping[str, Any]:
        """Return it as a statement asks for it."""
        return self._asdict() | {"reason": self.reason.value}


def count(conn: Connection, kind: RowKind[Row], held: HeldSo) -> tuple[int, datetime]:
    """Count what is held so; return it with the moment of the count."""
    number, now = conn.execute(kind.statement("held_so"), held.asked()).one()
    return int(number), now


def accounts_of(conn: Connection, kind: RowKind[Row], held: HeldSo) -> list[int]:
    """Return the accounts of which rows are held so, by number."""
    return list(conn.execute(kind.statement("held_so_accounts"), held.asked()).scalars())


def release(
    conn: Connection,
    kind: RowKind[Row],
    held: HeldSo,
    *,
    since: datetime,
    why: str,
    limit: int,
    by: str = "operator",
    via: str | None = None,
) -> list[Row]:
    """Move a batch of rows that were held so at a moment to pending, for an operator; return them."""
    return kind.rows(conn, "release_so", since=since, limit=limit, by=by, via=via, why=why, **held.asked())

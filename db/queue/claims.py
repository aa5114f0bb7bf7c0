"""The claims of rows that are worked on: renewed before a further call."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from db.connection import Setters, fetch
from db.queue.kinds import Row, RowKind


def renew(conn: Connection, kind: RowKind[Row], row: Row, *, lease_seconds: float, **changes: Any) -> Row | None:
    """Extend the lease of a claim that is still ours and write `changes`; None when it is not ours any more.

    Raises:
        ValueError: A column is not there, or only the queue writes it.
    """
    setters, values = kind.setters(changes)
    values |= {"id": row.id, "lease_seconds": lease_seconds, "claim_token": row.claim_token}
    for renewed in fetch(conn, _renew_sql(kind, setters), values):
        return kind.read(renewed)
    return None


@lru_cache(maxsize=256)
def _renew_sql(kind: RowKind[Row], setters: Setters) -> str:
    changes = "".join(f", {name} = {value}" for name, value in setters)
    return kind.prepared("renew").replace("/* changes */", changes)

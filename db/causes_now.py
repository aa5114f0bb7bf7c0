"""What is held by which cause, as it was last counted: readers need not count it again while it is much."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping
from sqlalchemy.dialects.postgresql import insert

from db.models.counts import causes_now as _kept
from db.sql import statement


def read(conn: Connection, *, cap: int) -> Sequence[RowMapping]:
    """Return the rows of the last count; none: no reason held more than `cap` then, or it is no longer new."""
    return conn.execute(statement("causes_now"), {"cap": cap}).mappings().all()


def keep(conn: Connection, rows: Sequence[Mapping[str, Any]], counted_at: datetime) -> None:
    """Store the rows of held_causes.sql, in the transaction that stores what each reason holds, under its moment."""
    kept = {"counted_at": counted_at, "rows": json.loads(json.dumps(rows, default=str))}
    conn.execute(insert(_kept).values(kept).on_conflict_do_update(index_elements=["id"], set_=kept))

"""What is over for long enough goes, a batch a transaction: killed between two batches, nothing is half done."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from db.sql import statement

TABLES = ("failure_metrics", "circuit_breaker_events", "appointments", "alert_incidents", "breaker_overrides")


@dataclass(frozen=True)
class Batch:
    """What came of one batch."""

    deleted: int
    last: int
    """The id up to which it looked: the next batch begins `after` it."""
    more: bool


def prune(conn: Connection, table: str, *, before: datetime, after: int, limit: int) -> Batch:
    """Delete from one of TABLES what ended before a moment, looking at `limit` rows after an id.

    Never a booking that lives or whose slot is later, an incident or an order that is open, or the row that says in
    which state a breaker was at that moment. A row that somebody holds is left for the next run.
    """
    asked = {"before": before, "after": after, "limit": limit}
    return Batch(*conn.execute(statement(f"prune_{table}"), asked).one())

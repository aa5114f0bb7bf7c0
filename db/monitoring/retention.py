"""Retention: rows that ended long ago are deleted, one batch in a transaction; a kill leaves nothing half done."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, TextClause, delete, text

from db.models.counts import booking_minutes
from db.sql import statement

OVER = {
    "failure_metrics": "one.window_end < :before",
    # But for the newest of each breaker: it says in which state the breaker came into what is kept, and without it the
    # share of time closed would be a guess.
    "circuit_breaker_events": """one.created_at < :before AND one.id NOT IN (
        SELECT DISTINCT ON (service, endpoint, account_id) id
        FROM circuit_breaker_events
        WHERE created_at < :before
        ORDER BY service, endpoint, account_id, created_at DESC, epoch DESC
    )""",
    # With their events (ON DELETE CASCADE). Never one that lives or has an open change, and none whose slot was later:
    # the row is what makes the same key give the same receipt, and once the slot has passed the request cannot be made
    # again anyway (a start in the past is refused). So nothing is booked twice for want of a row.
    "appointments": """one.status IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')
        AND one.updated_at < :before AND greatest(one.start_at, one.booked_start_at) < :before
        AND NOT EXISTS (
            SELECT FROM booking_changes AS change
            WHERE change.appointment_id = one.id
                AND change.status IN ('waiting', 'pending', 'changing', 'retrying', 'held')
        )""",
    # A wish for a booking that is gone: no foreign key deletes it, for its check would lock the booking until the
    # transaction of the client who stores the wish has ended.
    "change_wishes": """one.created_at < :before
        AND NOT EXISTS (SELECT FROM appointments AS booking WHERE booking.id = one.appointment_id)""",
    "alert_incidents": "one.closed_at < :before AND one.opened_at < :before",
    "breaker_overrides": "(one.lifted_at < :before OR one.until < :before)",
    "operator_actions": "one.asked_at < :before AND coalesce(one.done_at < :before, true)",
    "calcom_webhooks": "one.received_at < :before AND one.next_at IS NULL",
}
"""By table: when a row of it is over for long enough."""
TABLES = tuple(OVER)
_BEGUN_AT = {"alert_incidents": "opened_at", "operator_actions": "asked_at", "calcom_webhooks": "received_at"}


@dataclass(frozen=True)
class Batch:
    """The result of one batch."""

    deleted: int
    last: int
    """The id up to which it went: the next batch begins `after` it."""
    more: bool


def prune(conn: Connection, table: str, *, before: datetime, after: int, limit: int) -> Batch:
    """Delete from one of TABLES what ended before a moment, among `limit` rows after an id.

    Never a booking that lives or whose slot is later, an incident or an override that is open, or the row that says in
    which state a breaker was at that moment. A row that somebody holds is left for the next run.
    """
    parameters = {"before": before, "after": after, "limit": limit}
    return Batch(*conn.execute(_statement(table), parameters).one())


def prune_minutes(conn: Connection, *, before: datetime) -> int:
    """Delete the counts of minutes before a moment, all at once: few and small, and nobody waits for one of them."""
    return conn.execute(delete(booking_minutes).where(booking_minutes.c.minute < before)).rowcount


def _statement(table: str) -> TextClause:
    begun_at = _BEGUN_AT.get(table, "created_at")
    return text(statement("prune").text.format(table=table, begun_at=begun_at, over=OVER[table]))

"""Tell what Cal.com may still show as it was: a row that has just changed, or that a cancel or a move is changing."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from db.appointments.appointment import Appointment
from db.changes import asking
from tasks.audit.finding import AuditFinding, NoFinding
from tasks.dependencies import Dependencies


def is_settled(row: Appointment, began: datetime, deps: Dependencies) -> bool:
    """Return whether the row is old enough that a replica of Cal.com cannot lag behind it: unlisted means absent."""
    young = began - timedelta(seconds=deps.timings.settle_unanswered)
    return row.updated_at < young and (row.ends_at is None or row.ends_at < began)


def unless_in_motion(
    conn: Connection, judged: AuditFinding | NoFinding, began: datetime, deps: Dependencies
) -> AuditFinding | NoFinding:
    """Return the verdict; a finding of a row whose change is under way, or has just ended, is none.

    `began`: the moment before the list was read. A replica shows what was before a change for a while after it.
    """
    if not isinstance(judged, AuditFinding) or judged.row is None:
        return judged
    since = began - timedelta(seconds=deps.timings.settle_unanswered)
    return NoFinding.CHANGING if asking.is_in_motion(conn, judged.row.id, since=since) else judged

"""Leave out what a cancel or a move of ours is changing: then Cal.com's list and our row may each be older than it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from db.changes import asking
from tasks.audit.finding import AuditFinding, NoFinding
from tasks.dependencies import Dependencies


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

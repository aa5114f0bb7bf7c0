"""Lookups of changes that no attempt of theirs makes: of suspects, and a late one after an unclear answer."""

from tasks import dependencies
from tasks.changes.late_looks import look_late
from tasks.changes.suspects import look_at_suspects
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.periodic import PeriodicTask

AT_ONCE = 5  # suspects in each run

log = Logger(__name__)


@app.task(base=PeriodicTask, name="tasks.changes.late_lookups.look_at_changes")
def look_at_changes() -> dict[str, int]:
    """Look at the changes that are due; return how many were looked at late, and how many suspects that has ended."""
    built = dependencies.current()
    late, suspects = look_late(built), look_at_suspects(built, AT_ONCE)
    if late or suspects:
        log.info("looked_at_changes", late=late, suspects=suspects)
    return {"late": late, "suspects": suspects}

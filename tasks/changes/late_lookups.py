"""Lookups of changes that no attempt of theirs makes: once more at those that met an unclear answer."""

from typing import Any

from tasks import dependencies
from tasks.changes.late_looks import look_late
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.periodic import PeriodicTask

log = Logger(__name__)


@app.task(base=PeriodicTask, name="tasks.changes.late_lookups.look_at_changes")
def look_at_changes() -> dict[str, int]:
    """Look at the changes that are due; return the counts."""
    done: dict[str, Any] = {"late": look_late(dependencies.current())}
    if any(done.values()):
        log.info("looked_at_changes", **done)
    return done

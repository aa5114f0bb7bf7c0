"""Lookups that no booking's own task makes: of suspects, which are never posted, and of the weeks of a series.

Each run makes a few lookups, in one thread of a process, so that they neither use up the limit nor delay other tasks.
"""

import threading
from typing import Any

from db import appointments
from db.appointments.appointment import Appointment
from db.queue import sweeps
from db.queue.kinds import BOOKINGS
from tasks import dependencies
from tasks.accounts.door import NoAccess
from tasks.attempts import outcome
from tasks.calcom.lookup import LookupKind, LookupResult, lookup
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import NotNow
from tasks.guarded_calls.trials import ReaderCalls
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask
from tasks.maintenance.weeks_of_series import count_weeks
from tasks.work.moves import CallMade

AT_ONCE = 5  # bookings in each run

log = Logger(__name__)
_running = threading.Lock()


@app.task(base=PeriodicTask, name="tasks.maintenance.late_lookups.look_again")
def look_again() -> dict[str, int]:
    """Look up the suspects that are due, and count the weeks of series that may be cut; return the counts."""
    if not _running.acquire(blocking=False):
        return {}
    try:
        done: dict[str, Any] = {
            "suspects": _suspects(dependencies.current()),
            "series": count_weeks(dependencies.current(), AT_ONCE),
        }
    except NotNow:  # the breaker is open, or the limit is reached
        return {}
    finally:
        _running.release()
    if any(done.values()):
        log.info("looked_again", **done)
    return done


def _suspects(built: Dependencies) -> int:
    """Look up suspects, and confirm those found at Cal.com; return how many. The others are tried again in an hour."""
    with built.engine.begin() as conn:
        rows = sweeps.suspects_due(conn, BOOKINGS, AT_ONCE, again_seconds=outcome.LONGEST_PAUSE)
    found = 0
    for row in rows:
        try:
            result, made = _look_up(built.for_account(row.account_id), row)
        except NoAccess:  # in an hour again
            continue
        if result.kind not in {LookupKind.FOUND, LookupKind.MOVED} or result.there.uid is None:
            continue
        with built.engine.begin() as conn:
            appointments.record_late_uid(
                conn, row.id, result.there, why="found at Cal.com", by="sweeper", detail={"calls": made}
            )
        found += 1
    return found


def _look_up(built: Dependencies, row: Appointment) -> tuple[LookupResult, list[CallMade]]:
    """Look up one booking; return the result, and the calls that were made for it."""
    made = list[CallMade | None]()
    calls = ReaderCalls(built, row.correlation_id, on_report=lambda _, call: made.append(call))
    return lookup(calls, row, by_address=False), [call for call in made if call]

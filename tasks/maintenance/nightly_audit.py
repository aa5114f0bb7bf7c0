"""Take up the audit of the night, on a thread of its own: it may take hours, and no tick waits for it.

The thread dies with its process; the audit's lease runs out, and the next tick, of any process, goes on with it.
"""

import threading

from celery import shared_task
from sqlalchemy.exc import SQLAlchemyError

from db.audits import nights
from db.audits.nights import NightlyAudit
from tasks import dependencies
from tasks.audit.nightly import audit_night
from tasks.audit.nightly_calls import NightlyCalls, is_calm, lease
from tasks.dependencies import Dependencies
from tasks.log import Logger
from tasks.periodic import PeriodicTask

log = Logger(__name__)
_auditing = threading.Lock()  # one a process


@shared_task(base=PeriodicTask, name="tasks.audits.audit_at_night")
def audit_at_night(hour: int) -> bool:
    """Begin the audit that is due since `hour` (UTC), or go on with it, if nobody does; return whether we do."""
    deps = dependencies.current()
    if not _auditing.acquire(blocking=False):
        return False
    started = False
    try:
        night = take_up(deps, hour)
        if night is not None:
            threading.Thread(target=_audit, args=(deps, night), name="nightly-audit", daemon=True).start()
            started = True
    finally:
        if not started:
            _auditing.release()
    return started


def take_up(deps: Dependencies, hour: int) -> NightlyAudit | None:
    """Take up what is due, unless Cal.com is to be left alone."""
    if not is_calm(deps):
        return None
    with deps.engine.begin() as conn:
        return nights.take_up(conn, hour, lease_seconds=lease(deps))


def _audit(deps: Dependencies, night: NightlyAudit) -> None:
    try:
        audit_night(NightlyCalls(deps, night), night)
    except SQLAlchemyError as exc:  # its lease runs out, and somebody goes on
        log.warning("nightly_audit_lost_postgres", night=night.night, error=type(exc).__name__)
    except Exception:  # nobody waits for this thread: a fault of ours is tried again when its lease has run out
        log.exception("nightly_audit_failed", night=night.night)
    finally:
        _auditing.release()

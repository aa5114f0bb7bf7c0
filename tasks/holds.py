"""Let held bookings go: those whose time or cause has passed, and those that wait in line, in order and gently."""

import threading

import structlog
from celery import shared_task

from db import appointments, pacing
from resilience.permit import State
from tasks.guard import CREATE
from tasks.parts import parts
from tasks.publish import call_later, send

BATCH = 500
RELEASE = "tasks.holds.release_held"

log = structlog.get_logger(__name__)
_releasing = threading.Lock()


@shared_task(name=RELEASE, queue="maintenance")
def release_held() -> int:
    """Release the holds that may end now; return how many. Any number of processes may run it at once."""
    return _release_due() + release_paced()


def release_paced() -> int:
    """Release bookings that wait for the breaker or the limit, the oldest request first, as many as there is room for.

    One in half-open; then a window that doubles while calls succeed. One thread of a process does it for all.
    """
    if not _releasing.acquire(blocking=False):
        return 0
    try:
        count = 0
        while released := _release_next():
            count += released
        return count
    finally:
        _releasing.release()


def release_when_open_ends() -> None:
    """Have the release run at the very moment at which OPEN ends; beat alone would come up to a second late."""
    wait = parts().breaker.release_quota(CREATE).retry_after
    if wait is not None:
        call_later(RELEASE, "maintenance", countdown=wait, expires=wait + 60)


def _release_next() -> int:
    breaker = parts().breaker
    quota = breaker.release_quota(CREATE)
    if quota.room <= 0:
        return 0
    probing = State.HALF_OPEN in (quota.state, quota.endpoint_state)
    with parts().engine.begin() as conn:
        waiting = pacing.waiting(conn, min(quota.room, BATCH), postable=probing)
        if probing and not waiting:
            waiting = pacing.waiting(conn, 1, postable=False)
    granted = [int(item) for item in breaker.release(CREATE, waiting).items] if waiting else []
    if not granted:
        return 0
    with parts().engine.begin() as conn:
        rows = pacing.release_these(conn, granted)
    for gone in set(granted) - {row.id for row in rows}:
        breaker.give_back(CREATE, gone)
    send(rows, released=True)
    log.info("released", count=len(rows), state=quota.state.value)
    return len(rows)


def _release_due() -> int:
    calcom = parts().calcom
    with parts().engine.begin() as conn:
        rows = appointments.release_due(
            conn, key=calcom.key_fingerprint, settings=calcom.settings_fingerprint, limit=BATCH
        )
    if rows:
        send(rows)
        log.info("released", count=len(rows))
    return len(rows)

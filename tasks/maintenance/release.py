"""The release of held bookings: those whose time or cause has passed, and the queue in order, gently.

A cause has passed when the state says so, the fleet's or our own settings: no event is waited for, it might be missed.
"""

import threading
from collections.abc import Sequence

from db import appointments
from db.appointments import queue, sweeps
from db.appointments.appointment import Appointment
from resilience.circuit_breaker.types import Recorded, Released, State
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies, app
from tasks.log import Logger
from tasks.periodic import PeriodicTask
from tasks.publish import call_later, send

BATCH = 500
AHEAD = 16
ROUNDS = 4
RELEASE = "tasks.maintenance.release.release_held"

log = Logger(__name__)
_releasing = threading.Lock()
_wanted = threading.Event()


@app.task(base=PeriodicTask, name=RELEASE)
def release_held() -> int:
    """Release the holds that may end now; return how many. Any number of processes may run it at once."""
    deps = dependencies.current()
    deps.database_calls.flush_if_due()
    return _release_due(deps) + release_paced(deps)


def release_paced(deps: Dependencies, recorded: Recorded | None = None) -> int:
    """Release bookings that wait for the breaker or the limit, in the order of the line, as many as there is room for.

    One in half-open; then a window that doubles while calls succeed. One thread of a process does it for all, and
    takes what the others left for it: the more there is to do, the more goes in one step. `recorded` is what the
    breaker answered to the caller's last call, room included; without it the breaker is asked.
    """
    count = 0
    _wanted.set()
    for _ in range(ROUNDS):  # then whoever ends a call next goes on: a task must not become a releaser for good
        if not _wanted.is_set() or not _releasing.acquire(blocking=False):
            break
        try:
            _wanted.clear()
            count += _release(deps, recorded)
        finally:
            _releasing.release()
        recorded = None
    return count


def release_when_open_ends(deps: Dependencies) -> None:
    """Have the release run at the very moment at which OPEN ends; beat alone would come up to a second late."""
    wait = deps.breaker.held_work.count_releasable(CREATE).retry_after
    if wait is not None:
        call_later(deps, RELEASE, "maintenance", countdown=wait)


def _release(deps: Dependencies, recorded: Recorded | None) -> int:
    breaker, count = deps.breaker, 0
    view: Recorded | Released = (
        recorded if recorded and recorded.room > 0 else breaker.held_work.count_releasable(CREATE)
    )
    while view.room > 0:
        sent, view = _release_some(deps, view)
        if not sent:
            break
        count += sent
    return count


def _release_some(deps: Dependencies, view: Recorded | Released) -> tuple[int, Released]:
    """Send the first in the line for which there is room; return how many, and how much room is left."""
    breaker = deps.breaker
    probing = State.HALF_OPEN in (view.state, view.endpoint_state)
    with deps.engine.begin() as conn:
        # A few more than there is room for: another process may be about to send the first of them.
        waiting = queue.waiting(conn, min(view.room + AHEAD, BATCH), postable=probing)
        if probing and not waiting:
            waiting = queue.waiting(conn, 1, postable=False)
    released = breaker.held_work.release(CREATE, waiting)
    granted = [int(item) for item in released.items]
    if not granted:
        return 0, released
    released_ids: set[int] = set()
    try:
        with deps.engine.begin() as conn:
            rows = queue.release_these(conn, granted)
        released_ids = {row.id for row in rows}
    finally:  # places of those that have moved on, and of all when Postgres failed us
        for booking_id in set(granted) - released_ids:
            breaker.held_work.give_back(CREATE, booking_id)
    send(deps, rows, released=True)
    log.info("released", count=len(rows), state=released.state.value)
    return len(granted), released


def _release_due(deps: Dependencies) -> int:
    calcom, seen = deps.calcom, deps.breaker.get_status()
    blocked = {*seen.wrong_settings, *seen.paged_settings}
    create = seen.endpoints.get(CREATE, seen.breaker)
    return release_caused(  # what only this process knows ends no hold: its breaker has not heard of the others' calls
        deps,
        key_works=seen.shared and calcom.key_fingerprint not in seen.blocked_keys,
        settings_work=seen.shared and calcom.settings_fingerprint not in blocked,
        closed=seen.shared and seen.breaker.state is create.state is State.CLOSED,
    )


def release_caused(deps: Dependencies, *, key_works: bool, settings_work: bool, closed: bool = False) -> int:
    """Send what is held and whose time has come, or whose cause is gone; return how many."""
    calcom = deps.calcom
    with deps.engine.begin() as conn:
        rows = appointments.release_due(
            conn,
            key=calcom.key_fingerprint,
            settings=calcom.settings_fingerprint,
            limit=BATCH,
            key_works=key_works,
            settings_work=settings_work,
            closed=closed,
        )
    return _sent(deps, rows)


def release_first(deps: Dependencies) -> int:
    """Send the one booking that goes first when what answers is Cal.com's API again; return how many that is."""
    with deps.engine.begin() as conn:
        first = sweeps.first_to_try(conn, settings=deps.calcom.settings_fingerprint)
        rows = [] if first is None else queue.release_these(conn, [first])
    return _sent(deps, rows)


def release_of_type(deps: Dependencies, event_type: str) -> int:
    """Send what waits for an event type that Cal.com has again; return how many that is."""
    count = 0
    while True:
        with deps.engine.begin() as conn:
            waiting = sweeps.of_missing_type(conn, event_type, settings=deps.calcom.settings_fingerprint, limit=BATCH)
            rows = queue.release_these(conn, waiting)
        count += _sent(deps, rows)
        if len(waiting) < BATCH or not rows:
            return count


def _sent(deps: Dependencies, rows: Sequence[Appointment]) -> int:
    if rows:
        send(deps, rows, held=True)
        log.info("released", count=len(rows))
    return len(rows)

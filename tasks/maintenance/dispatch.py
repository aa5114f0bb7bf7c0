"""Publish what clients keep: their rows have no message yet, for a client asks neither broker nor breaker."""

from collections.abc import Callable

from db import appointments
from db.lifecycle import Status
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies
from tasks.host.log import Logger
from tasks.publish import send

BATCH = 500

log = Logger(__name__)


def dispatch(deps: Dependencies, meanwhile: Callable[[], object] = lambda: None) -> int:
    """Send the messages of the bookings that clients have kept; return how many bookings there were.

    As enqueue_booking does: what the breaker blocks, or comes while others wait, is held at once. Any number of
    processes may run it at once. `meanwhile` is called after each BATCH: a bulk takes seconds.
    """
    count = 0
    while True:
        blocked = deps.breaker.view.begin_is_blocking(CREATE)
        with deps.autocommit.connect() as conn:
            rows = appointments.requested(conn, BATCH, lead_seconds=deps.timings.lead, blocked=blocked())
        count += len(rows)
        sent = send(deps, (row for row in rows if row.status is Status.PENDING))
        meanwhile()
        if not sent or len(rows) < BATCH:
            return count

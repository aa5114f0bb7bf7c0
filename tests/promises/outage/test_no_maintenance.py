"""Promise 4 without beat, or without the worker of `maintenance`: any worker is the net of the release."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, insert

from db.lifecycle import Status
from db.models.resilience import heartbeats
from tasks import dependencies
from tests.support.fleet import request, row
from worker import enqueue_booking
from worker.heartbeat import Watcher


def test_held_bookings_go_though_nothing_runs_the_periodic_tasks(settings: Callable[..., dict[str, str]]) -> None:
    """What is held waits for a release, and what is new waits behind it: the watch in each worker lets them go."""
    settings()
    breaker, time = dependencies.current().breaker, [0.0]
    breaker.operators.force_open("operator", "an outage")
    held, waits = (enqueue_booking(request(number)).appointment_id for number in range(2))
    breaker.reset("operator", "it is over")
    with dependencies.current().engine.begin() as conn:
        tick = {"name": "check_health", "every_seconds": 5, "ticked_at": func.now() - timedelta(hours=1)}
        conn.execute(insert(heartbeats).values(**tick))
    watcher = Watcher(clock=lambda: time[0])

    watcher.check()
    assert row(held).status is Status.HELD, "a fleet that starts beside an old tick gives beat the time to tick"
    time[0] = 15.0
    watcher.check()

    assert (row(held).status, row(waits).status) == (Status.PENDING, Status.HELD), "in order, and one at first"

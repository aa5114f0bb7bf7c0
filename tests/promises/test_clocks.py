"""Nothing that beat starts depends on two hosts' clocks; what piles up while nobody works is done once."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import outcome
from tasks.host.periodic import TICK
from tests.support.fleet import Fleet, Process, eventually, finals, request, tick
from worker import enqueue_bookings
from worker.celery_app import MAINTENANCE
from worker.console import broker

PILED_UP = 300
Judge = Callable[[dict[int, Any]], None]


def maintenance_with_a_wrong_clock(running: Fleet, seconds: float) -> Process:
    """Start the worker of the periodic tasks on a host whose clock is ahead of beat's (below 0: behind)."""
    running.environment |= {"WRONG_CLOCK": str(seconds)}
    try:
        return running.celery(
            "worker",
            "-P",
            "threads",
            "-c",
            "2",
            "-Q",
            "maintenance",
            "-n",
            "maintenance@test",
            app="tests.support.workers.wrong_clock",
        )
    finally:
        del running.environment["WRONG_CLOCK"]


@pytest.mark.variants
@pytest.mark.parametrize("seconds", [15, 600, -600], ids=["15 s ahead", "10 min ahead", "10 min behind"])
def test_what_is_held_is_released_whatever_the_clock_of_the_maintenance_host_says(
    fleet: Callable[..., Fleet], simulator: Any, judge: Judge, seconds: float
) -> None:
    """It is held before there is a maintenance worker; then everything is confirmed, and health is seen."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1")
    running.worker()
    simulator.faults("status", name="unavailable")
    ids = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(20)])]  # type: ignore[union-attr]
    eventually(lambda: all(outcome(one).status is Status.HELD for one in ids), what="all are held")  # type: ignore[union-attr]
    simulator.no_faults()

    maintenance_with_a_wrong_clock(running, seconds)
    running.beat()

    judge(finals(ids))
    with dependencies.current().engine.connect() as conn:
        ticked = text("SELECT ticked_at > now() - interval '1 minute' FROM heartbeats WHERE name = 'check_health'")
        assert eventually(lambda: conn.execute(ticked).scalar(), what="health is checked")


@pytest.mark.fresh_database
def test_ticks_that_piled_up_while_no_worker_ran_are_done_once(fleet: Callable[..., Fleet]) -> None:
    """An hour without a maintenance worker leaves thousands; each does what the one before it has just done."""
    running = fleet()
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("CREATE TABLE ticks (at timestamptz DEFAULT now())"))
        conn.execute(
            text(
                "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql"
                " AS 'BEGIN INSERT INTO ticks DEFAULT VALUES; RETURN NEW; END'"
            )
        )
        conn.execute(
            text("CREATE TRIGGER note AFTER INSERT OR UPDATE ON heartbeats FOR EACH ROW EXECUTE FUNCTION note()")
        )
    for _ in range(PILED_UP):
        tick("tasks.incidents.check.check_health", headers={TICK: 600.0})
    url = running.environment["REDIS_URL"]
    assert broker.ask(url, (MAINTENANCE,)).queues == {MAINTENANCE: PILED_UP}

    running.maintenance()

    eventually(lambda: broker.ask(url, (MAINTENANCE,)).queues == {MAINTENANCE: 0}, what="all are taken")
    with dependencies.current().engine.connect() as conn:
        eventually(lambda: conn.execute(text("SELECT count(*) FROM ticks")).scalar(), what="one has run")
        assert conn.execute(text("SELECT count(*) FROM ticks")).scalar() == 1

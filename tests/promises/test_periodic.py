"""While Postgres is gone the periodic tasks go on trying, and a log that somebody must read stays short."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from tasks import dependencies
from tests.support.fleet import Fleet, eventually, tick
from worker.celery_app import MAINTENANCE
from worker.console import broker

TASKS = (
    "tasks.maintenance.release.release_held",
    "tasks.maintenance.sweeper.rescue_stranded",
    "tasks.incidents.check.check_health",
    "tasks.maintenance.prune.prune",
)


def test_a_postgres_that_is_gone_is_one_line_in_the_log_and_one_when_it_is_back(
    fleet: Callable[..., Fleet], postgres: Any
) -> None:
    """Not a traceback for each tick: there is one each second, and more."""
    running = fleet()
    running.maintenance()
    running.beat()
    ticked = "SELECT count(*) FROM heartbeats WHERE name = 'check_health'"
    with dependencies.current().engine.connect() as conn:
        eventually(lambda: conn.execute(text(ticked)).scalar(), what="health is checked")
    dependencies.current().engine.dispose()

    postgres.kill()
    for name in 5 * TASKS:
        tick(name)
    url = running.environment["REDIS_URL"]
    eventually(lambda: broker.ask(url, (MAINTENANCE,)).queues == {MAINTENANCE: 0}, what="all have failed")
    assert running.logs().count("periodic_tasks_wait_for_postgres") == 1

    postgres.recover()
    eventually(lambda: "periodic_tasks_go_on" in running.logs(), what="it is back")
    assert "Traceback" not in running.logs()

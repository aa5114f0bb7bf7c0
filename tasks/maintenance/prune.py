"""Retention: rows that ended RETENTION_DAYS ago are deleted, in batches, each run for a bounded time."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select

from db.audits import nights, restored
from db.monitoring import retention
from tasks import dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask

BATCH = 1000  # rows read in a transaction, which takes milliseconds: no other process waits long for a lock
SECONDS = 20.0  # seconds of a run; the next run goes on

log = Logger(__name__)


@app.task(base=PeriodicTask, name="tasks.maintenance.prune.prune")
def prune() -> dict[str, int]:
    """Delete old rows, table by table; return how many of each table. Any number of processes may run it at once."""
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        restored.prune(conn)
    deleted: dict[str, Any] = delete_older(deps.engine, deps.timings.retention)
    if any(deleted.values()):
        log.info("pruned", **deleted)
    return deleted


def delete_older(engine: Engine, seconds: float) -> dict[str, int]:
    """Delete what ended more than `seconds` ago; 0: nothing is ever deleted."""
    if not seconds:
        return {}
    with engine.connect() as conn:
        # Postgres's clock: a worker whose clock is years ahead must not delete everything.
        now: datetime = conn.execute(select(func.now())).scalar_one()
    return delete_before(engine, now - timedelta(seconds=seconds))


def delete_before(
    engine: Engine,
    before: datetime,
    *,
    batch: int = BATCH,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, int]:
    """Delete what ended before a moment; begin no batch after `seconds`. Return how many rows of each table."""
    with engine.begin() as conn:
        nights.prune(conn, before)
    ends, deleted = clock() + seconds, dict.fromkeys(retention.TABLES, 0)
    for table in retention.TABLES:
        after, more = 0, True
        while more and clock() < ends:
            with engine.begin() as conn:
                done = retention.prune(conn, table, before=before, after=after, limit=batch)
            deleted[table] += done.deleted
            after, more = done.last, done.more
    with engine.begin() as conn:
        deleted["booking_minutes"] = retention.prune_minutes(conn, before=before)
    return deleted

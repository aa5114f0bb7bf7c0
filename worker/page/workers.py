"""The workers and the queues, as the fleet reports them: Celery's events that Flower has, and rows of Postgres.

Nothing is sent to a worker. What neither an event nor a row says is None: not known.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from tornado.web import HTTPError

from db.monitoring import counts_now, heartbeats
from db.monitoring.counts_now import CAP, OnTheWay, UnderWay
from db.snapshot import snapshot
from tasks.dependencies import Dependencies
from worker.celery_app import BOOKINGS, MAINTENANCE
from worker.console import broker
from worker.console.broker import Broker
from worker.page.base import DataHandler
from worker.page.reading import Shared, readers

FRESH = 1.5  # seconds
MOST = 500  # bookings under way that are shown


@dataclass(frozen=True)
class QueuedRecord:
    """What Postgres knows of the queues, and the bookings that workers have claimed."""

    on_the_way: OnTheWay
    under_way: list[UnderWay]
    ticked_at: datetime | None


@dataclass(frozen=True)
class FleetReading:
    """One reading of Postgres and the broker; None: Postgres does not answer."""

    record: QueuedRecord | None
    broker: Broker


class WorkersData(DataHandler):
    """The workers and the queues."""

    async def get(self) -> None:
        """Answer with each worker, what it is busy on, and each queue."""
        reading = await shared_fleet().latest()
        under_way = reading.record.under_way if reading.record else []
        events = self.application.events.state
        placed, unplaced = _by_worker(under_way, events)
        workers = [_worker(one, placed.get(name, [])) for name, one in sorted(events.workers.items())]
        self.answer(
            {
                "workers": workers,
                "unplaced": [_claimed(one) for one in unplaced],
                "queues": list(_queues(reading)),
                "postgres": reading.record is not None,
            }
        )


@cache
def shared_fleet() -> Shared[FleetReading]:
    """Return this process's shared reading."""
    return Shared(_read, FRESH)


async def _read() -> FleetReading:
    loop, url = asyncio.get_running_loop(), readers().deps.broker_url
    asked = loop.run_in_executor(readers().threads, lambda: broker.ask(url, (BOOKINGS, MAINTENANCE)))
    try:
        record = await readers().run(_record)
    except HTTPError:  # what the workers' events say is known all the same
        record = None
    return FleetReading(record, await asked)


def _record(deps: Dependencies) -> QueuedRecord:
    with snapshot(deps.engine) as conn:
        beat = heartbeats.last_check(conn)
        claimed = counts_now.under_way(conn, limit=MOST)
        return QueuedRecord(counts_now.on_the_way(conn), claimed, beat.ticked_at if beat else None)


def _by_worker(claimed: list[UnderWay], events: Any) -> tuple[Mapping[str, list[UnderWay]], list[UnderWay]]:
    """Return the claimed bookings by worker, and those whose worker is named by no event of Flower."""
    placed: dict[str, list[UnderWay]] = defaultdict(list)
    unplaced = []
    for one in claimed:
        worker = getattr(events.tasks.get(one.task_id), "worker", None)
        if worker is None:
            unplaced.append(one)
        else:
            placed[worker.hostname].append(one)
    return placed, unplaced


def _worker(worker: Any, claimed: list[UnderWay]) -> dict[str, Any]:
    """Return a worker for JSON; `threads` and `release` are in its heartbeats from this release on."""
    name, _, host = str(worker.hostname).rpartition("@")
    seen = worker.heartbeats[-1] if worker.heartbeats else None
    return {
        "name": name,
        "host": host,
        "pid": worker.pid,
        "online": bool(worker.alive),
        "seen_at": None if seen is None else datetime.fromtimestamp(seen, UTC),
        "threads": getattr(worker, "threads", None),
        "busy": worker.active if worker.alive else None,
        "release": getattr(worker, "release", None),
        "celery": worker.sw_ver,
        "bookings": [_claimed(one) for one in claimed],
    }


def _claimed(one: UnderWay) -> dict[str, Any]:
    return {"id": one.id, "since": one.claimed_at, "until": one.lease_expires_at}


def _queues(reading: FleetReading) -> Iterator[dict[str, Any]]:
    """Yield each queue: its messages as the broker counts them; what waits in it, and since when, as Postgres knows."""
    record, told = reading.record, reading.broker
    messages = dict.fromkeys(told.queues) if told.error else told.queues
    waiting = record.on_the_way if record else None
    yield {
        "name": BOOKINGS,
        "messages": messages[BOOKINGS],
        "waiting": waiting and waiting.pending,
        "capped": waiting is not None and waiting.pending >= CAP,
        "oldest_at": waiting and waiting.oldest_pending_at,
        "ticked_at": None,
    }
    yield {
        "name": MAINTENANCE,
        "messages": messages[MAINTENANCE],
        "waiting": None,
        "capped": False,
        "oldest_at": None,
        "ticked_at": record and record.ticked_at,
    }

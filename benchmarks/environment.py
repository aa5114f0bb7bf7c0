"""A deployment of its own for a benchmark: real servers, a simulator, workers, beat; all of it ends with the block."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from booking_client.request.model import BookingRequest
from tasks import dependencies
from worker.celery_app import reconfigure
from worker.local.embedded import Guard, Postgres, Valkey
from worker.local.embedded.server import Server
from worker.local.environment import SIMULATOR_KEY, Environment, SimulatedCalcom, environment
from worker.local.processes import fleet
from worker.settings.model import Settings
from worker.wiring import build_from

DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
BATCH, TRIP = 500, 8  # bookings that are asked for at once; of those whose failures open the breaker
EVENT_TYPE = 110  # its slots are not exclusive, so there are enough for any number of bookings


class Calcom(SimulatedCalcom):
    """The simulator, from its operator's side."""

    def confirmed(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the POSTs that booked, as they ended."""
        calls = self.journal(since)
        return sorted((call for call in calls if call["uid"] and call["t1"]), key=lambda call: float(call["t1"]))

    def last(self) -> int:
        """Return the number of the latest call."""
        return max((int(call["n"]) for call in self.journal()), default=0)


@dataclass(frozen=True)
class BenchmarkEnvironment:
    """The deployment; this process is its caller."""

    calcom: Calcom
    redis: Valkey
    postgres: Postgres
    pids: dict[str, int]

    @property
    def redis_url(self) -> str:
        """Return the URL of its Redis."""
        return self.redis.url


@contextlib.contextmanager
def benchmark_environment(workers: Sequence[int], *, latency: float, **given: Any) -> Iterator[BenchmarkEnvironment]:
    """Start everything, a worker for each of these numbers of threads; `given` are settings, latency is Cal.com's."""
    simulator = ("--rate-limit", "0", "--latency", str(latency), str(latency))
    with deployment(simulator=simulator, **given) as ready:
        pids = ready.processes.start_all(fleet(*workers))
        yield BenchmarkEnvironment(Calcom(*astuple(ready.calcom)), ready.servers.valkey, ready.servers.postgres, pids)


@contextlib.contextmanager
def deployment(*, simulator: Sequence[str] | None = None, **given: Any) -> Iterator[Environment]:
    """Start servers that keep what they are told, as a deployment's do; this process is a quiet caller of theirs."""
    logging.disable(logging.WARNING)
    own = {"database_url": None, "redis_url": None, "calcom_api_key": SecretStr(SIMULATOR_KEY)}
    settings = Settings.load(**own, **{"calcom_rate_limit_per_minute": 0, **given})
    with Guard() as guard, environment(settings, folder=guard.folder(), simulator=simulator) as ready:
        ready.migrate()
        dependencies.fill(lambda: build_from(ready.settings))
        reconfigure(ready.settings)
        _require_durable()
        yield ready


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Stop a server's processes where they are, and let them go on after the block."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


def _require_durable() -> None:
    """Say on which terms PostgreSQL keeps a commit. Raises SystemExit: it may forget one."""
    with dependencies.current().engine.connect() as conn:
        found = {name: conn.execute(text(f"SHOW {name}")).scalar_one() for name in DURABLE}
    print("PostgreSQL:", *(f"{name} {value}" for name, value in found.items()), file=sys.stderr, flush=True)
    if set(found.values()) != {"on"}:
        raise SystemExit("this PostgreSQL may forget what it has committed: nothing that it is measured with counts")


def some(first: int, count: int) -> list[BookingRequest]:
    """Ask for slots of their own, numbered from `first`."""
    return [
        BookingRequest.parse(
            {
                "event_type_id": EVENT_TYPE,
                "start": start_of(number),
                "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "UTC"},
            }
        )
        for number in range(first, first + count)
    ]


def start_of(number: int) -> datetime:
    """Return the start of the slot of a number."""
    return datetime(2030, 3, 1, tzinfo=UTC) + number * timedelta(minutes=30)


def in_batches(first: int, count: int, ask: Callable[[int, int], object]) -> None:
    """Ask for so many bookings, numbered from `first`, as an importer does: `ask` is given where each batch begins."""
    for start in range(first, first + count, BATCH):
        ask(start, min(BATCH, first + count - start))


def open_breaker(first: int, ask: Callable[[int, int], object], *, pause: Callable[[float], object]) -> int:
    """Ask for a few bookings, whose failures open the breaker; return the number after theirs."""
    ask(first, TRIP)
    until(dependencies.current().breaker.is_open, within=60, pause=pause)
    return first + TRIP


def until(condition: Callable[[], bool], *, within: float, pause: Callable[[float], object]) -> None:
    """Wait for a condition, at most this many seconds."""
    ends_at = time.monotonic() + within
    while not condition():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"not within {within:g} s")
        pause(0.2)

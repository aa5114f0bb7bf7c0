"""A deployment of its own for a benchmark: real servers, a simulator, workers, beat; all of it ends with the block."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from pydantic import SecretStr

from db import revisions
from db.engine import make_engine
from tasks import dependencies
from tasks.request.model import BookingRequest
from worker import app
from worker.celery_app import Configuration
from worker.local import processes
from worker.local.embedded import Valkey, servers
from worker.local.processes import Part, Running
from worker.settings.model import Settings
from worker.wiring import build_from

START_SECONDS = 60.0
EVENT_TYPE = 110  # its slots are not exclusive, so there are enough for any number of bookings


@dataclass(frozen=True)
class Calcom:
    """The simulator, from its operator's side."""

    url: str

    def order(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Give an order to the simulator, or ask it something."""
        headers = {"Content-Type": "application/json"}
        answer = requests.request(method, self.url + path, data=json.dumps(body), headers=headers, timeout=60)
        answer.raise_for_status()
        read: dict[str, Any] = answer.json()
        return read

    def confirmed(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the POSTs that booked, as they ended."""
        calls = self.order("GET", f"/_journal?since={since}")["entries"]
        return sorted((call for call in calls if call["uid"] and call["t1"]), key=lambda call: float(call["t1"]))

    def last(self) -> int:
        """Return the number of the latest call."""
        return max((int(call["n"]) for call in self.order("GET", "/_journal")["entries"]), default=0)


@dataclass(frozen=True)
class Stage:
    """The deployment; this process is its caller."""

    calcom: Calcom
    redis: Valkey
    pids: dict[str, int]

    @property
    def redis_url(self) -> str:
        """Return the URL of its Redis."""
        return self.redis.url


@contextlib.contextmanager
def stage(workers: Sequence[int], *, latency: float, **given: Any) -> Iterator[Stage]:
    """Start everything, a worker for each of these numbers of threads; `given` are settings, latency is Cal.com's."""
    with contextlib.ExitStack() as stack:
        embedded = stack.enter_context(servers())
        logs = embedded.folder / "logs"
        logs.mkdir()
        settings = Settings.load(
            database_url=embedded.database_url,
            redis_url=embedded.redis_url,
            calcom_api_key=SecretStr("cal_test_owner"),
            **{"calcom_rate_limit_per_minute": 0, **given},
        )
        simulator = processes.simulator("--rate-limit", "0", "--latency", str(latency), str(latency))
        first = Running(embedded.guard, settings.environment(), logs, cwd=logs)
        first.start(simulator)
        first.wait_until_ready(simulator, START_SECONDS)
        calcom = Calcom(first.address(simulator))
        settings = settings.model_copy(update={"calcom_base_url": calcom.url})
        engine = make_engine(embedded.database_url)
        stack.callback(engine.dispose)
        revisions.upgrade(engine)
        _be_a_caller(settings)
        running = Running(embedded.guard, settings.environment(), logs, cwd=logs)
        started: list[Part] = [
            *(processes.worker(number, concurrency=threads) for number, threads in enumerate(workers, start=1)),
            processes.maintenance(),
            processes.beat(),
        ]
        pids = {part.name: running.start(part) for part in started}
        for part in started:
            running.wait_until_ready(part, START_SECONDS)
        yield Stage(calcom, embedded.valkey, pids)


def _be_a_caller(settings: Settings) -> None:
    """Wire this process with settings that stand in no environment."""
    dependencies.fill(lambda: build_from(settings))
    configuration = Configuration()
    configuration.settings = settings
    app.config_from_object(configuration)


def some(first: int, count: int) -> list[BookingRequest]:
    """Ask for slots of their own, numbered from `first`."""
    noon = datetime(2030, 3, 1, tzinfo=UTC)
    return [
        BookingRequest.parse(
            {
                "event_type_id": EVENT_TYPE,
                "start": noon + number * timedelta(minutes=30),
                "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "UTC"},
            }
        )
        for number in range(first, first + count)
    ]


def until(condition: Callable[[], bool], *, within: float, pause: Callable[[float], object]) -> None:
    """Wait for a condition, at most this many seconds."""
    ends_at = time.monotonic() + within
    while not condition():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"not within {within:g} s")
        pause(0.2)

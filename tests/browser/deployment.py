"""One real deployment whose Flower a browser looks at: servers, a simulator, workers, beat; we are its caller."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import redis
import requests
from psycopg import sql
from pydantic import SecretStr

from booking_client.request.model import BookingRequest
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.operations import breaker_actions, breaker_overrides
from tests.support.fleet import eventually, finals
from worker import enqueue_booking
from worker.celery_app import reconfigure
from worker.local.embedded.server import free_port
from worker.local.environment import SIMULATOR_KEY, Environment, SimulatedCalcom, environment
from worker.local.processes import AT_ONCE, Part, fleet, flower
from worker.settings.model import Settings
from worker.wiring import build_from

TOKEN = "of-" + "random" * 4  # a viewer has opened the link with it
# Short times, so that an outage begins and ends while somebody looks.
SETTINGS: Mapping[str, Any] = {
    "page_token": SecretStr(TOKEN),
    "calcom_connect_timeout": 1.0,
    "calcom_read_timeout": 2.0,
    "calcom_deadline": 3.0,
    "calcom_settle_seconds": 3.0,
    "calcom_settle_answered_seconds": 1.0,
    "calcom_rate_limit_per_minute": 0,
    "circuit_breaker_threshold": 5,
    "circuit_breaker_half_open_timeout": 4.0,
    "circuit_breaker_open_max": 4.0,
    "retry_delays": (0.2, 0.4, 0.8),
}
SIMULATOR = ("--rate-limit", "0", "--latency", "0.05", "0.2")
# Of the tables, when everything begins again: how far it was counted stays true, for ids go on.
KEPT = ("booking_schema_version", "heartbeats", "counted_bookings", "calcom_accounts")
EVENT_TYPE = 110  # of the simulator: its slots are not exclusive


@dataclass(frozen=True)
class Deployment:
    """What runs, seen by its operator."""

    environment: Environment
    address: str  # Flower's
    dependencies: Dependencies  # of this process

    @property
    def calcom(self) -> SimulatedCalcom:
        """The simulator, from its operator's side."""
        return self.environment.calcom

    def fault(self, kind: str, **details: Any) -> None:
        """Have Cal.com misbehave from now on."""
        self.calcom.order("POST", "/_faults", {"kind": kind, **details})

    def well(self) -> None:
        """End every fault of Cal.com."""
        self.calcom.order("DELETE", "/_faults")

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as PostgreSQL's own operator, over a connection of its own."""
        with psycopg.connect(self.environment.servers.database_url, autocommit=True, connect_timeout=30) as conn:
            ran = conn.execute(sql.SQL(statement), values or None)  # type: ignore[arg-type]  # our own texts
            return ran.fetchall() if ran.description else []

    def begin_anew(self) -> None:
        """Make it as after its start, whatever was done to it; this process is its caller again."""
        dependencies.fill(lambda: self.dependencies)
        reconfigure(self.environment.settings)
        for server in self.environment.servers.servers.values():
            server.recover()
        self.well()
        self._forget_outages()
        self.calcom.order("POST", "/_reset")
        self.calcom.order("POST", "/_settings", {"rate_limit": 0})
        tables = self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables if name not in KEPT)
        with redis.Redis.from_url(self.environment.servers.redis_url) as client:
            client.flushall()
        eventually(
            lambda: self._truncate(sql.SQL("TRUNCATE {}").format(names)), what="no other transaction is in the way"
        )

    def _truncate(self, statement: sql.Composable) -> bool:
        """Return whether it was done: with the fleet at work its locks may cross those of a task (a deadlock)."""
        with psycopg.connect(self.environment.servers.database_url, autocommit=True) as conn:
            try:
                conn.execute(statement)
            except psycopg.errors.DeadlockDetected:
                return False
        return True

    def _forget_outages(self) -> None:
        """Have every process see that all is closed: what it saw last, it tells a Redis that has forgotten."""
        deps = self.dependencies
        seen = deps.breaker.get_status()
        if breaker_actions.epoch(seen, breaker_actions.RESET) == seen.generation:
            return
        eventually(lambda: breaker_overrides.reset(deps.engine, deps.breaker, by="test", why="anew"), what="a reset")
        finals([enqueue_booking(request(1000)).appointment_id])  # so a worker has asked
        reading = f"{self.address}/resilience/data/overview"  # so Flower has, and the periodic tasks do each second
        begun = datetime.now(UTC)
        eventually(lambda: datetime.fromisoformat(requests.get(reading, timeout=30).json()["read_at"]) > begun)

    def also_flower(self, name: str, **options: str) -> str:
        """Start another Flower of this deployment, with options of its own; return its address."""
        part = replace(flower(free_port()), name=name)
        argv = (*part.argv, *(f"--{option.replace('_', '-')}={value}" for option, value in options.items()))
        part = replace(part, argv=argv, address="")
        self.environment.processes.start(part)
        self.environment.processes.wait_until_ready(part)
        return flower_address(part)


def flower_address(part: Part) -> str:
    """Return where a Flower listens, by its command line."""
    [port] = [one.partition("=")[2] for one in part.argv if one.startswith("--port=")]
    return f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def deployment(
    say: Callable[[str], object] = lambda _: None, *, simulator: Sequence[str] = SIMULATOR, **given: Any
) -> Iterator[Deployment]:
    """Start everything, the simulator with these options; it ends with the block. `given` are settings."""
    own = {"database_url": None, "redis_url": None, "calcom_api_key": SecretStr(SIMULATOR_KEY)}
    settings = Settings.load(**own, **{**SETTINGS, **given})
    with environment(settings, simulator=simulator, say=say) as ready:
        ready.migrate()
        dependencies.fill(lambda: build_from(ready.settings))
        reconfigure(ready.settings)
        page = flower(free_port())
        say("the workers and Flower")
        ready.processes.start_all([*fleet(16, end=AT_ONCE), page])
        try:
            yield Deployment(ready, page.address, dependencies.current())
        finally:
            dependencies.end()


def request(number: int, *, hours: float | None = None, event_type: int = EVENT_TYPE, **more: Any) -> BookingRequest:
    """Ask for the slot of this number; `hours`: for the next one so many hours from now."""
    start = datetime(2030, 3, 1, tzinfo=UTC) + number * timedelta(minutes=30)
    if hours is not None:
        soon = datetime.now(UTC) + timedelta(hours=hours, minutes=30)
        start = soon.replace(minute=30 * (soon.minute // 30), second=0, microsecond=0)
    attendee = {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "Europe/Berlin"}
    return BookingRequest.parse({"event_type_id": event_type, "start": start, "attendee": attendee, **more})

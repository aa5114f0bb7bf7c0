"""Set the stage: servers, simulator, tables, workers and beat; all of it goes when the block ends, however it ends."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr
from sqlalchemy import Engine

from db import revisions
from db.engine import make_engine
from resilience.circuit_breaker.breaker import CalcomCircuitBreaker
from worker.breaker import make_breaker
from worker.local import processes
from worker.local.demo import misbehaviour
from worker.local.demo.outage import Outage
from worker.local.embedded import Guard, servers
from worker.local.processes import Part, Running
from worker.settings.model import Settings

START_SECONDS = 60.0
WORKERS = 2
KEY = "cal_test_owner"
HURRY = (("SIGQUIT", 3.0),)  # nothing here outlives the demo, so nothing is waited for


@dataclass(frozen=True)
class Calcom:
    """The simulator, from its operator's side."""

    url: str

    def misbehave(self) -> None:
        """Begin with the faults of a bad day."""
        self._call("POST", "/_faults", misbehaviour.orders())

    def fail(self) -> Outage:
        """End those, and go down for a while; nobody has to end it."""
        self._call("DELETE", "/_faults")
        refused, whole = self._call("POST", "/_faults", misbehaviour.outage())["faults"]
        return Outage(
            begins=refused["begins"],
            answers=refused["begins"] + refused["seconds"],
            back=whole["begins"] + whole["seconds"],
        )

    def bookings(self) -> list[dict[str, Any]]:
        """Return every booking that stands in its books."""
        bookings: list[dict[str, Any]] = self._call("GET", "/_bookings")["bookings"]
        return bookings

    def journal(self) -> list[dict[str, Any]]:
        """Return every call that it was sent."""
        entries: list[dict[str, Any]] = self._call("GET", "/_journal")["entries"]
        return entries

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        answer = requests.request(method, self.url + path, data=json.dumps(body), headers=headers, timeout=20)
        answer.raise_for_status()
        read: dict[str, Any] = answer.json()
        return read


@dataclass(frozen=True)
class Stage:
    """What the play needs."""

    engine: Engine
    breaker: CalcomCircuitBreaker  # to look at
    calcom: Calcom
    running: Running
    guard: Guard

    def end_workers(self) -> None:
        """End beat and the workers, so that nothing moves while the judge reads."""
        self.guard.end("beat")
        self.guard.close()


@contextlib.contextmanager
def stage(say: Callable[[str], object]) -> Iterator[Stage]:
    """Start everything; `say` hears what is being started."""
    with contextlib.ExitStack() as stack:
        say("PostgreSQL and Valkey")
        embedded = stack.enter_context(servers())
        logs = embedded.folder / "logs"
        logs.mkdir()
        settings = misbehaviour.settings(
            database_url=embedded.database_url, redis_url=embedded.redis_url, calcom_api_key=SecretStr(KEY)
        )
        say("the simulator")
        calcom = _calcom(_running(embedded.guard, settings, logs))
        settings = settings.model_copy(update={"calcom_base_url": calcom.url})
        say("the tables")
        engine = make_engine(embedded.database_url)
        stack.callback(engine.dispose)
        revisions.upgrade(engine)
        guard = stack.enter_context(Guard())
        running = _running(guard, settings, logs)
        _start(running, say)
        yield Stage(engine, make_breaker(settings, engine), calcom, running, guard)


def _running(guard: Guard, settings: Settings, logs: Path) -> Running:
    return Running(guard, settings.environment(), logs, cwd=logs)  # a folder without a .env


def _calcom(running: Running) -> Calcom:
    part = processes.simulator("--rate-limit", "0", "--latency", *map(str, misbehaviour.LATENCY))
    running.start(part)
    running.wait_until_ready(part, START_SECONDS)
    return Calcom(running.address(part))


def _start(running: Running, say: Callable[[str], object]) -> None:
    workers = [processes.worker(number, concurrency=32) for number in range(1, WORKERS + 1)]
    parts: list[Part] = [replace(part, end=HURRY) for part in (*workers, processes.maintenance())]
    parts.append(processes.beat())
    for part in parts:
        running.start(part)
    for part in parts:
        say(part.name)
        running.wait_until_ready(part, START_SECONDS)

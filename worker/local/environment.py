"""One deployment on this machine, for a first hour, the demo, the tests and the benchmarks; it ends with its block."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from db import revisions
from db.engine import make_engine
from worker.local import processes
from worker.local.embedded import EmbeddedError, Guard, Servers, servers
from worker.local.processes import ProcessGroup
from worker.settings.model import Settings

SIMULATOR_KEY = "cal_test_owner"  # an API key of the simulator
REQUEST_SECONDS = 60.0
ADDRESS = re.compile(r"http://[\w.:]+")


@dataclass(frozen=True)
class SimulatedCalcom:
    """The simulator: bookings are made at `url`, orders are given to it at `control`."""

    url: str
    control: str
    pid: int

    def order(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Return the answer to an order, such as a fault that it is to show, or to a question."""
        answer = requests.request(method, self.control + path, json=body, timeout=REQUEST_SECONDS)
        answer.raise_for_status()
        read: dict[str, Any] = answer.json()
        return read

    def bookings(self) -> list[dict[str, Any]]:
        """Return every booking that the simulator has."""
        bookings: list[dict[str, Any]] = self.order("GET", "/_bookings")["bookings"]
        return bookings

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the calls that the simulator received after the one with this number."""
        entries: list[dict[str, Any]] = self.order("GET", f"/_journal?since={since}")["entries"]
        return entries


@dataclass(frozen=True)
class Environment:
    """The servers and the simulator that run; `settings` have their URLs, and `processes` starts what uses them."""

    settings: Settings
    servers: Servers
    processes: ProcessGroup
    simulator: SimulatedCalcom | None

    @property
    def calcom(self) -> SimulatedCalcom:
        """The simulator. Raises EmbeddedError: it was not started."""
        if self.simulator is None:
            raise EmbeddedError("this simulator was not started")
        return self.simulator

    def migrate(self) -> list[str]:
        """Bring the tables to the newest revision, and return the revisions that were applied."""
        engine = make_engine(self.settings.database_url or "", schema=self.settings.database_schema)
        try:
            return revisions.upgrade(engine)
        finally:
            engine.dispose()


@contextlib.contextmanager
def environment(
    settings: Settings,
    *,
    folder: Path | None = None,
    logs: Path | None = None,
    simulator: Sequence[str] | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Iterator[Environment]:
    """Run the servers that the settings do not name, and a simulator with these options; the caller starts the rest.

    `folder` keeps the servers' data and, unless `logs` names another folder, the logs; None: nothing is kept. `say` is
    called with the name of what is being started.

    Raises:
        EmbeddedError: Something cannot be started; nothing is left running.
    """
    say("the servers")
    own = servers(folder, postgres=not settings.database_url, valkey=not settings.redis_url)
    with own as embedded, Guard() as guard:
        logs = _emptied((logs or embedded.folder / "logs").resolve())
        settings = settings.model_copy(update=embedded.urls)
        calcom = None
        if simulator is not None:
            say("the simulator")
            # Under the servers' guard, not the processes': it answers while these end.
            calcom = start_simulator(_processes(embedded.guard, settings, logs), *simulator)
            settings = settings.model_copy(update={"calcom_base_url": calcom.url})
        yield Environment(settings, embedded, _processes(guard, settings, logs), calcom)


def start_simulator(group: ProcessGroup, *options: str) -> SimulatedCalcom:
    """Start a simulator, and return it when it works. Raises EmbeddedError."""
    part = processes.simulator(*options)
    pid = group.start(part)
    group.wait_until_ready(part)
    urls = ADDRESS.findall(group.output(part))
    return SimulatedCalcom(url=urls[0], control=urls[-1], pid=pid)


def _processes(guard: Guard, settings: Settings, logs: Path) -> ProcessGroup:
    """Return a group of processes in a folder without a .env: they must get no other settings."""
    return ProcessGroup(guard, settings.model_copy(update={"log_file": None}).environment(), logs, cwd=logs)


def _emptied(logs: Path) -> Path:
    """Make the folder of logs, and rename the last run's logs."""
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    for log in logs.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))
    return logs

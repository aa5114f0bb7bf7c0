"""`booking up`: everything that a first hour needs, in one terminal; one Ctrl-C ends it all."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pydantic import SecretStr

from db import revisions
from db.engine import make_engine
from worker import processes
from worker.cli import broker, screen
from worker.cli.stop import Stop
from worker.embedded import EmbeddedError, Guard, Servers, servers
from worker.embedded.server import Server, free_port
from worker.processes import Part, Running
from worker.running import record_simulator
from worker.settings import Settings
from worker.up import guide
from worker.up.supervisor import Kept, Supervisor

START_SECONDS = 60.0
LOOK_SECONDS = 0.5
SIMULATOR_KEY = "cal_test_owner"
SIMULATOR_OPTIONS = ("--latency", "0.1", "0.6", "--rate-limit", "0")


def run(*, workers: int, port: int, simulator: bool) -> None:
    """Run everything until Ctrl-C or SIGTERM.

    Raises:
        SettingsError, EmbeddedError, RevisionError, Stop: It cannot start; nothing is left running.
        KeyboardInterrupt: It was stopped before it had started.
    """
    settings = Settings.load()
    if simulator:
        processes.require_simulator()
    home = settings.booking_home
    with _Stopping() as stopping, contextlib.ExitStack() as stack:
        screen.say(("booking up", "bold"), "   Ctrl-C ends everything")
        screen.say()
        with _waiting("servers"):
            own = servers(home, postgres=not settings.database_url, valkey=not settings.redis_url)
            embedded = stack.enter_context(own)
        for server in embedded.servers.values():
            _line(server.name, server.pid, f"data in {home}")
        settings = _with_servers(settings, embedded)
        logs = _logs(home)
        base = Running(embedded.guard, settings.environment(), logs)
        watched: list[Kept] = [_KeptServer(server) for server in embedded.servers.values()]
        settings = _simulator(base, settings, home, watched) if simulator else _no_simulator(settings, home)
        _check(settings)
        _migrate(settings)
        guard = stack.enter_context(Guard())
        running = Running(guard, {**settings.environment(), "LOG_FILE": ""}, logs)
        parts = _parts(workers, free_port(port))
        watched += _start(running, parts)
        screen.say()
        guide.show(settings, logs, page=parts[-1].address)
        stopping.expect()
        _supervise(watched, stopping)
        with _waiting("the end of calls under way"):
            guard.end("beat")
            guard.close()
    screen.say("Everything has ended; the data stay in ", str(home), ".")


class _Stopping:
    """Turn Ctrl-C and SIGTERM into an exception while starting, and into an orderly end once all runs."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._orderly = False

    def __enter__(self) -> "_Stopping":
        self._before = [(number, signal.signal(number, self._on_signal)) for number in (signal.SIGINT, signal.SIGTERM)]
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    def expect(self) -> None:
        """From here on somebody waits for `asked`."""
        self._orderly = True

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self._orderly:
            raise KeyboardInterrupt
        self.asked.set()


@dataclass(frozen=True)
class _KeptPart:
    running: Running
    part: Part

    @property
    def name(self) -> str:
        return self.part.name

    def exit_code(self) -> int | None:
        return self.running.exit_code(self.part)

    def start(self) -> int:
        return self.running.start(self.part)


@dataclass(frozen=True)
class _KeptServer:
    server: Server

    @property
    def name(self) -> str:
        return self.server.name

    def exit_code(self) -> int | None:
        return self.server.guard.wait(self.server.name, 0)

    def start(self) -> int | None:
        with contextlib.suppress(EmbeddedError):  # it has ended again; the next look sees that
            self.server.start()
        return self.server.pid


def _with_servers(settings: Settings, embedded: Servers) -> Settings:
    filled = {}
    if not settings.database_url:
        filled["database_url"] = embedded.database_url
    if not settings.redis_url:
        filled["redis_url"] = embedded.redis_url
    return settings.model_copy(update=filled)


def _simulator(running: Running, settings: Settings, home: Path, watched: list[Kept]) -> Settings:
    part = processes.simulator(*SIMULATOR_OPTIONS)
    with _waiting(part.name):
        pid = running.start(part)
        running.wait_until_ready(part, START_SECONDS)
    url = running.address(part)
    _line(part.name, pid, f"a Cal.com to play with, {url}")
    record_simulator(home, url, SIMULATOR_KEY)
    port = url.rpartition(":")[2]
    watched.append(_KeptPart(running, processes.simulator("--port", port, *SIMULATOR_OPTIONS)))
    return settings.model_copy(update={"calcom_base_url": url, "calcom_api_key": SecretStr(SIMULATOR_KEY)})


def _no_simulator(settings: Settings, home: Path) -> Settings:
    record_simulator(home, None)
    return settings


def _check(settings: Settings) -> None:
    """Refuse to start on servers of the user's own that do not answer: the parts could only fail one by one."""
    asked = broker.ask(settings.broker_url or "", ())
    if asked.trouble:
        raise Stop(f"the broker does not answer ({asked.trouble}); is it running, and is REDIS_URL right?")


def _migrate(settings: Settings) -> None:
    engine = make_engine(settings.database_url or "")
    with _waiting("tables"):
        applied = revisions.upgrade(engine)
    engine.dispose()
    _line("tables", None, f"migrated to {applied[-1]}" if applied else "up to date")


def _parts(workers: int, port: int) -> list[Part]:
    return [
        *(processes.worker(number) for number in range(1, workers + 1)),
        processes.maintenance(),
        processes.beat(),
        processes.flower(port),
    ]


def _start(running: Running, parts: list[Part]) -> Iterator[_KeptPart]:
    pids = {part.name: running.start(part) for part in parts}
    for part in parts:
        with _waiting(part.name):
            running.wait_until_ready(part, START_SECONDS)
        _line(part.name, pids[part.name], part.address)
        yield _KeptPart(running, part)


def _supervise(watched: list[Kept], stopping: _Stopping) -> None:
    def say(line: str) -> None:
        screen.say((time.strftime("%H:%M:%S"), "dim"), "  ", (line, "bold yellow"))

    supervisor = Supervisor(watched, say, time.monotonic)
    while not stopping.asked.wait(LOOK_SECONDS):
        supervisor.look()
    screen.say()


def _logs(home: Path) -> Path:
    """Make the folder of logs; the last run's are kept beside the new ones."""
    logs = home.resolve() / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    for log in logs.glob("*.log"):
        log.replace(log.with_suffix(".log.1"))
    return logs


def _line(name: str, pid: int | None, about: str) -> None:
    screen.say(
        ("  ready  ", "green"), (f"{name:<13}", "bold"), (f"pid {pid:<8}" if pid else " " * 12, "dim"), " ", about
    )


@contextlib.contextmanager
def _waiting(what: str) -> Iterator[None]:
    """Show that something is awaited, on a terminal only."""
    if not screen.err.is_terminal:
        yield
        return
    with screen.err.status(f"Waiting for {what}"):
        yield

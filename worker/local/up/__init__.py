"""`booking up`: everything that a first hour needs, in one terminal; one Ctrl-C ends it all."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import SecretStr

from db import revisions
from db.engine import make_engine
from worker.console import broker, screen
from worker.console.stop import Stop
from worker.local import processes
from worker.local.embedded import Guard, Servers, servers
from worker.local.embedded.server import free_port
from worker.local.endings import Ending
from worker.local.processes import Part, Running
from worker.local.running import record_simulator
from worker.local.up import guide
from worker.local.up.kept import KeptPart, KeptServer
from worker.local.up.supervisor import Kept, Supervisor
from worker.settings.model import Settings

START_SECONDS = 60.0
LOOK_SECONDS = 0.5
SIMULATOR_KEY = "cal_test_owner"
SIMULATOR_OPTIONS = ("--latency", "0.1", "0.6", "--rate-limit", "0")


def run(*, workers: int, port: int, simulator: bool) -> None:
    """Run everything until Ctrl-C or SIGTERM.

    Raises:
        SettingsError, EmbeddedError, RevisionError, SQLAlchemyError, Stop: It cannot start; nothing is left running.
        KeyboardInterrupt, SystemExit: It was stopped before it had started.
    """
    settings = Settings.load()
    if simulator:
        processes.require_simulator()
    screen.say(("booking up", "bold"), "   Ctrl-C ends everything")
    screen.say()
    with Ending() as ending, _embedded(settings) as embedded:
        logs = _logs(settings.booking_home)
        watched: list[Kept] = [KeptServer(server) for server in embedded.servers.values()]
        settings = _with_servers(settings, embedded)
        if simulator:
            settings, kept = _simulator(settings, Running(embedded.guard, settings.environment(), logs, logs))
            watched.append(kept)
        else:
            record_simulator(settings.booking_home, None)
        _require_broker(settings)
        _migrate(settings)
        parts = _parts(workers, free_port(port))
        with Guard() as guard:
            # In a folder without a .env: what is not set here must not be set there.
            watched += _start(Running(guard, settings.environment() | {"LOG_FILE": ""}, logs, logs), parts)
            screen.say()
            guide.show(settings, logs, page=parts[-1].address)
            ending.expect()
            _supervise(watched, ending)
            with _waiting("Ending; calls under way have a few seconds"):
                guard.end("beat")
                guard.close()
    screen.say(f"Everything has ended; the data stay in {settings.booking_home}.")


@contextlib.contextmanager
def _embedded(settings: Settings) -> Iterator[Servers]:
    """Run the servers that the settings do not name; their folder is locked: one `booking up` in it at a time."""
    home = settings.booking_home
    with contextlib.ExitStack() as stack:
        with _waiting("Starting the servers"):
            own = servers(home, postgres=not settings.database_url, valkey=not settings.redis_url)
            embedded = stack.enter_context(own)
        for server in embedded.servers.values():
            _line(server.name, server.pid, f"data in {home}")
        yield embedded


def _with_servers(settings: Settings, embedded: Servers) -> Settings:
    own = {"database_url": "postgres", "redis_url": "valkey"}
    urls = {name: embedded.servers[server].url for name, server in own.items() if server in embedded.servers}
    return settings.model_copy(update=urls)


def _simulator(settings: Settings, running: Running) -> tuple[Settings, KeptPart]:
    part = processes.simulator(*SIMULATOR_OPTIONS)
    with _waiting("Starting the simulator"):
        pid = running.start(part)
        running.wait_until_ready(part, START_SECONDS)
    url = running.address(part)
    _line(part.name, pid, f"a Cal.com to play with, {url}")
    record_simulator(settings.booking_home, url, SIMULATOR_KEY)
    settings = settings.model_copy(update={"calcom_base_url": url, "calcom_api_key": SecretStr(SIMULATOR_KEY)})
    again = processes.simulator("--port", url.rpartition(":")[2], *SIMULATOR_OPTIONS)
    return settings, KeptPart(running, again)


def _require_broker(settings: Settings) -> None:
    """Refuse to start on a broker that does not answer: the parts could only fail one by one."""
    asked = broker.ask(settings.broker_url or "", ())
    if asked.trouble:
        raise Stop(f"the broker does not answer ({asked.trouble}); is it running, and is REDIS_URL right?")


def _migrate(settings: Settings) -> None:
    engine = make_engine(settings.database_url or "")
    with _waiting("Making the tables"):
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


def _start(running: Running, parts: Sequence[Part]) -> Iterator[KeptPart]:
    pids = {part.name: running.start(part) for part in parts}
    for part in parts:
        with _waiting(f"Starting {part.name}"):
            running.wait_until_ready(part, START_SECONDS)
        _line(part.name, pids[part.name], part.address)
        yield KeptPart(running, part)


def _supervise(watched: Sequence[Kept], ending: Ending) -> None:
    def say(line: str) -> None:
        screen.say((f"  {time.strftime('%H:%M:%S')}  ", "dim"), (line, "bold yellow"))

    supervisor = Supervisor(watched, say, time.monotonic)
    while not ending.asked.wait(LOOK_SECONDS):
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
    number = f"pid {pid}" if pid else ""
    screen.say(("  ready  ", "green"), (f"{name:<13}", "bold"), (f"{number:<12}", "dim"), about)


@contextlib.contextmanager
def _waiting(what: str) -> Iterator[None]:
    """Show that something is awaited, on a terminal only."""
    if not screen.err.is_terminal:
        yield
        return
    with screen.err.status(what):
        yield

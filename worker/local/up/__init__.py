"""`booking up`: run everything that a first hour needs in one terminal; one Ctrl-C ends it all."""

import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import SecretStr

from worker.console import broker, screen
from worker.console.stop import Stop
from worker.local import processes
from worker.local.embedded import EmbeddedError, record
from worker.local.embedded.server import Server, free_port
from worker.local.environment import SIMULATOR_KEY, Environment, environment
from worker.local.graceful_shutdown import GracefulShutdown
from worker.local.processes import Part, ProcessGroup
from worker.local.up import guide
from worker.local.up.supervisor import Supervised, Supervisor
from worker.settings.model import Settings
from worker.settings.values import PAGE

LOOK_SECONDS = 0.5
CONCURRENCY = 64  # calls at once of a worker: one process a core, 64 calls each
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
        settings = settings.model_copy(update={"calcom_api_key": SecretStr(SIMULATOR_KEY)})
    token = settings.page_token or SecretStr(secrets.token_urlsafe(16))
    settings = settings.model_copy(update={"page_token": token})
    screen.say(("booking up", "bold"), "   Ctrl-C ends everything")
    screen.say()
    with GracefulShutdown() as shutdown, _environment(settings, simulator=simulator) as ready:
        watched = [_server(server) for server in ready.servers.servers.values()]
        if ready.simulator:
            again = ("--port", ready.calcom.url.rpartition(":")[2], *SIMULATOR_OPTIONS)
            beside_servers = replace(ready.processes, guard=ready.servers.guard)
            watched.append(_process(beside_servers, processes.simulator(*again)))
        _require_broker(ready.settings)
        _migrate(ready)
        sending = [processes.callbacks()] if ready.settings.callback_secret else []
        parts = [*processes.fleet(*[CONCURRENCY] * workers), *sending, processes.flower(free_port(port))]
        watched += _start(ready.processes, parts)
        screen.say()
        calcom = ready.calcom.url if ready.simulator else None
        link = f"{parts[-1].address}{PAGE}?token={token.get_secret_value()}"
        record.write_private(settings.page_link, link)
        guide.show(ready.settings, ready.processes.logs, page=link, flower=parts[-1].address, simulator=calcom)
        shutdown.defer()
        _supervise(watched, shutdown)
        settings.page_link.unlink(missing_ok=True)
        with _waiting("Ending; calls under way have a few seconds"):
            ready.processes.end_all()
    screen.say(f"Everything has ended; the data stay in {settings.booking_home}.")


@contextlib.contextmanager
def _environment(settings: Settings, *, simulator: bool) -> Iterator[Environment]:
    """Run the servers that the settings do not name; their folder is locked: one `booking up` in it at a time."""
    home = settings.booking_home
    with contextlib.ExitStack() as stack:
        with _waiting("Starting the servers"):
            options = SIMULATOR_OPTIONS if simulator else None
            ready = stack.enter_context(environment(settings, folder=home, simulator=options))
        for server in ready.servers.servers.values():
            _line(server.name, server.pid, f"data in {home}")
        if ready.simulator:
            _line("simulator", ready.calcom.pid, f"a Cal.com to play with, {ready.calcom.url}")
        record.write_simulator(home, ready.calcom.url if ready.simulator else None, SIMULATOR_KEY)
        yield ready


def _require_broker(settings: Settings) -> None:
    """Refuse to start on a broker that does not answer: the parts could only fail one by one."""
    asked = broker.ask(settings.broker_url or "", ())
    if asked.error:
        raise Stop(f"the broker does not answer ({asked.error}); is it running, and is REDIS_URL right?")


def _migrate(ready: Environment) -> None:
    with _waiting("Making the tables"):
        applied = ready.migrate()
    _line("tables", None, f"migrated to {applied[-1]}" if applied else "up to date")


def _server(server: Server) -> Supervised:
    def start() -> int | None:
        with contextlib.suppress(EmbeddedError):  # it has ended again: the supervisor's next round notices that
            server.start()
        return server.pid

    return Supervised(server.name, lambda: server.guard.wait(server.name, 0), start)


def _process(group: ProcessGroup, part: Part) -> Supervised:
    return Supervised(part.name, lambda: group.exit_code(part), lambda: group.start(part))


def _start(group: ProcessGroup, parts: Sequence[Part]) -> Iterator[Supervised]:
    pids = {part.name: group.start(part) for part in parts}
    for part in parts:
        with _waiting(f"Starting {part.name}"):
            group.wait_until_ready(part)
        _line(part.name, pids[part.name], part.address)
        yield _process(group, part)


def _supervise(watched: Sequence[Supervised], shutdown: GracefulShutdown) -> None:
    def say(line: str) -> None:
        screen.say((f"  {time.strftime('%H:%M:%S')}  ", "dim"), (line, "bold yellow"))

    supervisor = Supervisor(watched, say, time.monotonic)
    while not shutdown.requested.wait(LOOK_SECONDS):
        supervisor.look()
    screen.say()


def _line(name: str, pid: int | None, about: str) -> None:
    number = f"pid {pid}" if pid else ""
    screen.say(("  ready  ", "green"), (f"{name:<13}", "bold"), (f"{number:<12}", "dim"), about)


@contextlib.contextmanager
def _waiting(what: str) -> Iterator[None]:
    """Show what the command waits for, on a terminal only."""
    if not screen.err.is_terminal:
        yield
        return
    with screen.err.status(what):
        yield

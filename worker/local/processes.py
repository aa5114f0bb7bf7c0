"""The processes of one deployment: how each is started, when it is ready, and how it is ended."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

from worker.local.embedded import EmbeddedError, Guard
from worker.local.embedded.find import INSTALL

START_SECONDS = 60.0
SOFT_SECONDS = 14.0  # a worker waits 10 s for calls under way; what is left after this is killed, its lease runs out
LOOK_SECONDS = 0.05

Steps = tuple[tuple[str, float], ...]  # signals that end a process, each with the seconds to wait for it
_CLI = (sys.executable, "-m", "worker.cli")
AT_ONCE: Steps = (("SIGQUIT", 3.0),)  # for workers whose calls under way may be lost


@dataclass(frozen=True)
class Part:
    """One process: `ready` is a text that its log has once it works."""

    name: str
    argv: tuple[str, ...]
    ready: str = ""
    address: str = ""
    end: Steps = (("SIGTERM", 5.0),)


def fleet(*concurrency: int, end: Steps = (("SIGQUIT", SOFT_SECONDS),)) -> list[Part]:
    """Return a worker for each of these numbers of threads, one for the periodic tasks, and beat."""
    workers = [worker(number, concurrency=threads) for number, threads in enumerate(concurrency, start=1)]
    return [*(replace(part, end=end) for part in (*workers, maintenance())), beat()]


def worker(number: int, *, concurrency: int) -> Part:
    """Return a worker that books, with `concurrency` calls at once."""
    name = "bookings" if number == 1 else f"bookings{number}"
    return _worker(f"worker {number}", name, "bookings", concurrency)


def maintenance() -> Part:
    """Return the worker of the periodic tasks: separate, so that bookings' hanging calls cannot delay them."""
    return _worker("maintenance", "maintenance", "maintenance", 4)


def callbacks() -> Part:
    """Return the worker that sends callbacks: separate, so that a receiver that hangs delays no booking."""
    return _worker("callbacks", "callbacks", "callbacks", 16)


def serve(address: str) -> Part:
    """Return the HTTP API, in one process, at the HTTP_ADDRESS of its settings."""
    return Part("serve", (*_CLI, "serve", "--workers", "1"), address=f"http://{address}/ready")


def can_serve() -> bool:
    """Return whether the extra `http` is installed: the HTTP API and the callbacks need it."""
    return all(find_spec(name) for name in ("babel", "fastapi", "granian", "standardwebhooks"))


def beat() -> Part:
    """Return beat, which sends the periodic tasks."""
    return Part("beat", _celery("beat"), ready="beat: Starting")


def flower(port: int) -> Part:
    """Return Flower, on this port."""
    address = f"http://127.0.0.1:{port}"
    return Part("flower", _celery("flower", "--address=127.0.0.1", f"--port={port}"), ready="Visit me", address=address)


def simulator(*options: str) -> Part:
    """Return the simulated Cal.com, on a free port unless `options` name one."""
    argv = (sys.executable, "-m", "simulator", "--port", "0", *options)
    return Part("simulator", argv, ready="simulator listening on ")


def require_simulator() -> None:
    """Raise EmbeddedError unless the simulator can start: an image lacks it, and without `embedded` its library."""
    if find_spec("simulator") is None:
        raise EmbeddedError("the simulator is not here: an image of the product is built without it")
    if find_spec("h11") is None:
        raise EmbeddedError(f"the simulator lacks the library h11: {INSTALL}")


def _worker(name: str, node: str, queue: str, concurrency: int) -> Part:
    options = ("-P", "threads", "-c", str(concurrency), "-Q", queue, "-n", f"{node}@%h")
    # Gossip and mingle are for clusters that elect and revoke together; without them it starts a second earlier.
    argv = _celery("worker", *options, "--without-gossip", "--without-mingle")
    return Part(name, argv, ready=" ready.", end=(("SIGQUIT", SOFT_SECONDS),))


def _celery(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "worker", *arguments)


@dataclass
class ProcessGroup:
    """Processes under one guard: they end when this process ends, also by `kill -9`."""

    guard: Guard
    environment: Mapping[str, str]
    logs: Path
    cwd: Path = field(default_factory=Path.cwd)
    _begins: dict[str, int] = field(default_factory=dict)

    def start(self, part: Part) -> int:
        """Start a process, or start it again, and return its pid."""
        log = self.log(part)
        self._begins[part.name] = log.stat().st_size if log.exists() else 0
        environment = {**self.environment, "PYTHONUNBUFFERED": "1"}
        return self.guard.start(part.name, part.argv, cwd=self.cwd, env=environment, log=log, end=part.end)

    def start_all(self, parts: Sequence[Part]) -> dict[str, int]:
        """Start processes at once, and return their pids when all of them work. Raises EmbeddedError."""
        pids = {part.name: self.start(part) for part in parts}
        for part in parts:
            self.wait_until_ready(part)
        return pids

    def end_all(self) -> None:
        """End beat, so that nothing more is sent, then the others."""
        self.guard.end("beat")
        self.guard.close()

    def exit_code(self, part: Part) -> int | None:
        """Return its exit code; None while it runs."""
        return self.guard.wait(part.name, 0)

    def output(self, part: Part) -> str:
        """Return what it has written since it was last started."""
        with self.log(part).open("rb") as log:
            log.seek(self._begins.get(part.name, 0))
            return log.read().decode(errors="replace")

    def is_ready(self, part: Part) -> bool:
        """Return whether it is ready."""
        if part.address:
            return _answers(part.address)
        return part.ready in self.output(part)

    def wait_until_ready(self, part: Part, within: float = START_SECONDS) -> None:
        """Wait until it is ready.

        Raises:
            EmbeddedError: It ended, or did not come up within so many seconds; with the last lines of its log.
        """
        for _ in range(int(within / LOOK_SECONDS)):
            if self.is_ready(part):
                return
            if self.guard.wait(part.name, LOOK_SECONDS) is not None:
                break
        raise EmbeddedError(
            f"{part.name} did not start; its log {self.log(part)} ends with:\n{self.output(part)[-1500:]}"
        )

    def log(self, part: Part) -> Path:
        """Return the path of its log."""
        return self.logs / f"{part.name.replace(' ', '-')}.log"


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=1):  # noqa: S310 - a loopback address of our own making
            return True
    except OSError:
        return False

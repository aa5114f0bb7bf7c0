"""The processes of the fire suite: workers, beat, a caller. A dead process is started again, as by an init system."""

import contextlib
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from worker.local.processes import Part, ProcessGroup

LOOK_SECONDS = 0.2
SOFT_SECONDS = 8.0  # what has not ended after a SIGTERM by then is killed
KILL = (("SIGKILL", 1.0),)


@dataclass(frozen=True)
class Role:
    """One process, and the side of the network it is on."""

    part: Part
    side: str
    more: Mapping[str, str] = field(default_factory=dict)  # environment

    @property
    def name(self) -> str:
        """What it is called."""
        return self.part.name


def worker(name: str, side: str, pool: str, size: int, queue: str = "bookings", **more: str) -> Role:
    """Describe a worker."""
    node = f"{name.replace(' ', '-')}@fire"
    options = ("-P", pool, "-c", str(size), "-Q", queue, "-n", node, "--without-gossip", "--without-mingle")
    return Role(Part(name, _celery("worker", *options), " ready.", end=KILL), side, more)


def beat(name: str, side: str) -> Role:
    """Describe a beat."""
    return Role(Part(name, _celery("beat"), "beat: Starting", end=KILL), side)


def caller(*arguments: str) -> Role:
    """Describe who asks for bookings."""
    return module("caller", "caller", *arguments)


def host(orders: Path) -> Role:
    """Describe a host application, whose transactions ask for bookings."""
    return module("host", "host", str(orders))


def listener(name: str, heard: Path, side: str) -> Role:
    """Describe who listens for what has settled."""
    return module(name, "listener", name, str(heard), ready="listening", side=side)


def module(name: str, of: str, *arguments: str, ready: str = "", side: str = "west") -> Role:
    """Describe a process of the suite's own, beside this file."""
    argv = (sys.executable, "-m", f"tests.chaos.processes.{of}", *arguments)
    return Role(Part(name, argv, ready, end=KILL), side)


def changed(role: Role, **more: str) -> Role:
    """Return a role with more in its environment."""
    return replace(role, more={**role.more, **more})


def _celery(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "tests.chaos.processes.entry", *arguments)


class Workers:
    """Keep the processes running, but for those that are to be down; all end with the guard."""

    def __init__(self, sides: Mapping[str, ProcessGroup]) -> None:
        self._sides = sides
        self._guard = next(iter(sides.values())).guard
        self._wanted: dict[str, Role] = {}
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._keeper.join()

    def start(self, role: Role) -> None:
        """Start a process and keep it running."""
        with self._lock:
            self._wanted[role.name] = role
            self._start(role)

    def end(self, name: str) -> None:
        """End a process for good, without ado."""
        with self._lock:
            self._wanted.pop(name, None)
            self._guard.signal(name, "SIGKILL")
            self._guard.end(name)

    @contextlib.contextmanager
    def down(self, name: str) -> Iterator[None]:
        """Have a process killed, and not started again before the block ends."""
        role = self._wanted[name]
        self.end(name)
        try:
            yield
        finally:
            self.start(role)

    @contextlib.contextmanager
    def instead(self, role: Role) -> Iterator[None]:
        """Run a process otherwise than usual, until the block ends."""
        with self.down(role.name):
            self.start(role)
            try:
                yield
            finally:
                self.end(role.name)

    def signal(self, name: str, number: str) -> None:
        """Send a signal to a process and its children."""
        self._guard.signal(name, number)

    def role(self, name: str) -> Role:
        """Return how a process is run."""
        return self._wanted[name]

    def environment(self, side: str) -> Mapping[str, str]:
        """Return what the processes of one side are told."""
        return self._sides[side].environment

    def is_ready(self, name: str) -> bool:
        """Say whether a process that was just started works."""
        role = self._wanted[name]
        return self._sides[role.side].is_ready(role.part)

    def wait_until_ready(self, name: str) -> None:
        """Return when a process that was just started works. Raises EmbeddedError."""
        role = self._wanted[name]
        self._sides[role.side].wait_until_ready(role.part)

    def _start(self, role: Role) -> None:
        side = self._sides[role.side]
        replace(side, environment={**side.environment, **role.more}).start(role.part)

    def _keep(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            with self._lock:
                for role in list(self._wanted.values()):
                    if self._guard.wait(role.name, 0) is not None:
                        self._start(role)

"""The processes of the fire suite: workers, beat, a caller. Whoever dies is started again, as by any init system."""

import contextlib
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from worker.local.embedded import Guard

LOOK_SECONDS = 0.2
SOFT_SECONDS = 8.0  # what has not ended after a SIGTERM by then is killed


@dataclass(frozen=True)
class Role:
    """One process: the side of the network it is on, and how it is started."""

    name: str
    side: str
    argv: tuple[str, ...]
    ready: str
    more: Mapping[str, str] = field(default_factory=dict)  # environment


def worker(name: str, side: str, pool: str, size: int, queue: str = "bookings", **more: str) -> Role:
    """Describe a worker."""
    node = f"{name.replace(' ', '-')}@fire"
    options = ("-P", pool, "-c", str(size), "-Q", queue, "-n", node, "--without-gossip", "--without-mingle")
    return Role(name, side, _celery("worker", *options), " ready.", more)


def beat(name: str, side: str) -> Role:
    """Describe a beat."""
    return Role(name, side, _celery("beat"), "beat: Starting")


def changed(role: Role, **more: str) -> Role:
    """Return a role with more in its environment."""
    return replace(role, more={**role.more, **more})


def _celery(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "tests.chaos.processes.entry", *arguments)


class Workers:
    """Keep the processes running, but for those that are to be down; all end with the guard."""

    def __init__(self, guard: Guard, environments: Mapping[str, Mapping[str, str]], logs: Path) -> None:
        self._guard = guard
        self._environments = environments  # of each side
        self._logs = logs
        self._wanted: dict[str, Role] = {}
        self._begins: dict[str, int] = {}
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
        return self._environments[side]

    def is_ready(self, name: str) -> bool:
        """Say whether a process that was just started works."""
        return self._wanted[name].ready in self.said(name)

    def said(self, name: str) -> str:
        """Return what a process has logged since it was last started."""
        with self._log(name).open("rb") as log:
            log.seek(self._begins[name])
            return log.read().decode(errors="replace")

    def _start(self, role: Role) -> None:
        log = self._log(role.name)
        self._begins[role.name] = log.stat().st_size if log.exists() else 0
        self._guard.start(
            role.name,
            role.argv,
            cwd=self._logs,
            env={**self._environments[role.side], **role.more},
            log=log,
            end=(("SIGKILL", 1.0),),
        )

    def _keep(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            with self._lock:
                for role in list(self._wanted.values()):
                    if self._guard.wait(role.name, 0) is not None:
                        self._start(role)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name.replace(' ', '-')}.log"

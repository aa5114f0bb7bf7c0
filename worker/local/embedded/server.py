"""What both embedded servers share: a port, a password, a log, and methods by which tests kill or freeze them."""

import contextlib
import os
import random
import secrets
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from worker.local.embedded.errors import EmbeddedError
from worker.local.embedded.find import User
from worker.local.embedded.guarded import Guard

HOST = "127.0.0.1"
LOOK_SECONDS = 0.02
# Below the ephemeral ports of Linux and macOS: there a client's own socket may hold the port of a server that restarts.
PORTS = range(20000, 32000)
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # and nothing of ours: it may hold an API key
HERE = "/proc/self/cwd"


def here(folder: Path) -> str:
    """Name a process's own working folder in a way that needs no permission on the folders above it.

    `nobody` may not enter root's home, but a process started inside a folder of its own stays there.
    """
    return HERE if Path(HERE).exists() else str(folder)


def free_port(preferred: int | None = None, rng: random.Random | None = None) -> int:
    """Return a loopback port that is free now; when the server binds it, another process may have taken it."""
    rng = rng or random.SystemRandom()
    for port in [*([preferred] if preferred else []), *(rng.choice(PORTS) for _ in range(100))]:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
            probe.bind((HOST, port))
            return port
    raise EmbeddedError(f"no free port of {HOST} between {PORTS.start} and {PORTS.stop}")


@dataclass(frozen=True)
class ServerLayout:
    """Where and how a server runs: its folder, its programs, whose process it is, whether its data must last."""

    folder: Path
    programs: Path
    user: User | None
    durable: bool


@dataclass
class Server(ABC):
    """One embedded server. `kill`, `pause`, `resume` and `restart` keep its data, port and password."""

    guard: Guard
    layout: ServerLayout
    port: int | None = None
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    pid: int | None = field(default=None, init=False)
    fixed: bool = field(default=False, init=False)  # the port is in a URL that was given out

    name = "server"
    program = ""
    start_seconds = 60.0  # a database that was killed replays its log first

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL with its password."""

    @property
    @abstractmethod
    def steps(self) -> Sequence[tuple[str, float]]:
        """The signals that end the server, each with the seconds to wait; then SIGKILL."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the folders, and all else that must be there before the first start."""

    @abstractmethod
    def argv(self, port: int) -> list[str]:
        """Return the command line; no secret is on it, for everyone can read it."""

    @abstractmethod
    def answers(self, port: int) -> bool:
        """Return whether our own server, with our password, answers on this port."""

    def config(self, port: int) -> str:  # noqa: ARG002 - a hook
        """Return what the server reads on its standard input."""
        return ""

    @property
    def work(self) -> Path:
        """The folder that the server works in; owned by the user it runs as."""
        return self.layout.folder / self.name

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self.layout.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start the server and return when it answers; on another port if the first one is taken.

        Raises:
            EmbeddedError: it ended or did not answer in time; with the last lines of its log.
        """
        for attempt in range(5):
            port = self.port if self.fixed and self.port else free_port(None if attempt else self.port)
            begins = self.log.stat().st_size if self.log.exists() else 0
            self.pid = self.guard.start(
                self.name,
                self.argv(port),
                cwd=self.work,
                env=ENVIRONMENT,
                log=self.log,
                text=self.config(port),
                user=self.layout.user,
                end=self.steps,
            )
            if self._came_up(port):
                self.port, self.fixed = port, True
                return
            if "address already in use" not in self._output(begins).lower():
                break
        raise EmbeddedError(f"the embedded {self.name} did not start:\n{self._output(begins)[-1500:]}")

    def stop(self) -> None:
        """End the server in order, keeping its data."""
        self.guard.end(self.name)

    def kill(self) -> None:
        """Kill the server and everything below it, as the kernel or a power cut would."""
        self.guard.signal(self.name, "SIGKILL")
        self.guard.end(self.name)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self.guard.signal(self.name, "SIGSTOP")

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self.guard.signal(self.name, "SIGCONT")

    def restart(self) -> None:
        """Start it again, ended first if it runs."""
        self.guard.end(self.name)
        self.start()

    @property
    def runs(self) -> bool:
        """Return whether the process is there, frozen or not."""
        return self.guard.wait(self.name, 0) is None

    def recover(self) -> None:
        """Bring it back: resume it, and start it if it has ended."""
        self.resume()
        if not self.runs:
            self.start()

    def _came_up(self, port: int) -> bool:
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            if self.guard.wait(self.name, LOOK_SECONDS) is not None:
                return False
            if self.answers(port):
                return True
        self.guard.end(self.name)
        return False

    def _output(self, begins: int) -> str:
        with self.log.open("rb") as log:
            log.seek(begins)
            return log.read().decode(errors="replace")

    def own(self, path: Path) -> None:
        """Make a private folder that belongs to the user the server runs as."""
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        if self.layout.user:
            os.chown(path, self.layout.user.uid, self.layout.user.gid)

"""A copy of the product that is broken for one run after the other, and pytest in it."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.mutation.breakage import Breakage

_PRODUCT = ("booking_client", "resilience", "db", "tasks", "worker")  # none imports a later one, by pyproject.toml
_LOADS = "worker/celery_app.py"  # says what a worker loads: there must be nothing that it would not load
_GRACE = 30.0  # seconds in which an interrupted pytest ends its servers and workers
_LOOK = 0.05  # seconds between two looks whether it has


def before(broken: Breakage | None) -> tuple[str, ...]:
    """Return the packages of the product that can be imported before a file is broken: they do not read it."""
    if broken is None or not broken.file.endswith(".py"):
        return _PRODUCT  # statements, scripts and pages are read when they are used
    if broken.file == _LOADS:
        return ()
    package = Path(broken.file.removeprefix("client/")).parts[0]
    return _PRODUCT[: _PRODUCT.index(package)] if package in _PRODUCT else _PRODUCT


class Place:
    """A copy of `whole` that has links to all its files, compiled ones too; for one thread.

    `modules` of the product are what pytest imports here before its first test.
    """

    def __init__(self, whole: Path, folder: Path, modules: Sequence[str]) -> None:
        self._whole = whole
        self._modules = modules
        self.folder = Path(shutil.copytree(whole, folder, symlinks=True, copy_function=os.link))
        self._times = iter(range(2_000_000_000, 2_100_000_000))
        self._forks: Forks | None = None

    def run(
        self,
        broken: Breakage | None,
        arguments: Sequence[str],
        more: Mapping[str, str],
        log: Path,
        *,
        limit: float,
    ) -> bool:
        """Run pytest, the product being broken so; return whether it ended by itself within the limit, in seconds."""
        with self.having(broken):
            order = {
                "broken": broken and broken.file,
                "environment": environment(self.folder) | more,
                "arguments": list(arguments),
                "log": str(log),
            }
            return self._forks_of(before(broken)).run(order, limit=limit)

    def end(self) -> None:
        """End what runs."""
        if self._forks is not None:
            self._forks.end()

    def close(self) -> None:
        """End the process that runs tests, once nothing runs in it."""
        if self._forks is not None:
            self._forks.close()

    @contextmanager
    def having(self, broken: Breakage | None) -> Iterator[None]:
        """Break the product for this block.

        Each broken file has a time of its own: what was compiled of the whole one, or of another breakage, is not
        taken for it, nor what was compiled of it for the whole one.
        """
        if broken is None:
            yield
            return
        path = self.folder / broken.file
        broken.apply(self.folder)
        os.utime(path, (moment := next(self._times), moment))
        try:
            yield
        finally:
            path.unlink()
            os.link(self._whole / broken.file, path)

    def _forks_of(self, packages: tuple[str, ...]) -> "Forks":
        """Return a process that has imported what pytest will of these packages."""
        modules = [name for name in self._modules if name.partition(".")[0] in packages]
        if self._forks is None or self._forks.modules != modules:
            self.close()
            self._forks = Forks(self.folder, modules)
        return self._forks


class Forks:
    """Run pytest in a fork of a process that has imported much of it already (forks.py); for one thread."""

    def __init__(self, folder: Path, modules: list[str]) -> None:
        self.modules = modules
        # -P: the program's own folder has modules with names that libraries have, too.
        argv = [sys.executable, "-P", str(Path(__file__).with_name("forks.py")), *modules]
        self._server = subprocess.Popen(
            argv,
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._running: int | None = None
        self._pause = threading.Event()

    def run(self, order: Mapping[str, object], *, limit: float) -> bool:
        """Run pytest; return whether it ended by itself within the limit, in seconds."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        self._server.stdin.flush()
        self._running = int(self._server.stdout.readline())
        over, _, _ = select.select([self._server.stdout], [], [], limit)
        if not over:
            self.end()
        self._server.stdout.readline()
        self._running = None
        return bool(over)

    def end(self) -> None:
        """Interrupt pytest as Ctrl-C does, so that its fixtures end what they started; kill it if that takes long."""
        for number in (signal.SIGINT, signal.SIGKILL):
            if not self._sent(number):
                return
            ends_at = time.monotonic() + _GRACE
            while time.monotonic() < ends_at:
                if not self._sent(0):
                    return
                self._pause.wait(_LOOK)

    def close(self) -> None:
        """End the process."""
        with self._server:  # which closes its input
            pass

    def _sent(self, number: int) -> bool:
        """Send a signal to what runs, with its servers and workers; return whether anything runs."""
        if (running := self._running) is None:
            return False
        try:
            os.killpg(running, number)
        except ProcessLookupError:
            return False
        return True


def environment(root: Path) -> dict[str, str]:
    """Put the copy before the installed project, for pytest and for all that it starts; have compiled files kept."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # noqa: TID251 - a child process gets ours
    return {**ours, "PYTHONPATH": os.pathsep.join((str(root), str(root / "client")))}

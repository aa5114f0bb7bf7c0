"""A copy of the product to be broken, and pytest in it: what became of a test, and why."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ("worker", "tasks", "resilience", "db", "booking_client", "simulator")
# A test that asserts fails by one of these, and pytest ends its traceback with that word.
_ASSERTED = re.compile(r": (AssertionError|Failed)$")
# Plugins that no test of a breakage needs, and whose import is a quarter of the work of a run.
_WITHOUT = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")
_GRACE = 30.0  # seconds in which an interrupted pytest ends its servers and workers
_LOOK = 0.05  # seconds between two looks whether it has


class Ended(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"  # by an assertion
    BROKEN = "broken"  # by anything else: an import, a fixture, the time limit


@dataclass(frozen=True, slots=True)
class Seen:
    """Say how a test ended, and the first line of why."""

    ended: Ended
    why: str = ""


class Workshop:
    """Copy the product, and run tests in the copies; any number of threads may do so.

    `folder` holds the copies and is somebody else's to remove. `limit` bounds one run of pytest, in seconds.
    """

    def __init__(self, folder: Path, *, limit: float) -> None:
        self.folder = folder
        self.limit = limit
        self._numbers = count(1)
        self._mine = threading.local()
        self._forks: list[Forks] = []
        self._stopped = threading.Event()

    def copy(self, source: Path = ROOT) -> Path:
        """Copy what git would keep, committed or not; a copy of a copy has links to all its files, compiled ones too.

        Those stay true: a file that is broken afterwards has a later time than the one that was compiled.
        """
        target = self.folder / f"copy-{next(self._numbers)}"
        if source != ROOT:
            return shutil.copytree(source, target, symlinks=True, copy_function=os.link)
        ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
        return shutil.copytree(source, target, ignore=shutil.ignore_patterns(".git", *ignored), symlinks=True)

    def imports_itself(self, root: Path) -> bool:
        """Say whether programs started in a copy import its packages, not those of the installed project."""
        ask = f"import {', '.join(PACKAGES)}\nprint(*({'.__file__, '.join(PACKAGES)}.__file__), sep='\\n')"
        said = subprocess.check_output([sys.executable, "-c", ask], cwd=root, env=_environment(root), text=True)
        return all(Path(line).is_relative_to(root) for line in said.splitlines())

    def run(self, root: Path, tests: Sequence[str]) -> dict[str, Seen]:
        """Run these tests in a copy and say how each ended."""
        number = next(self._numbers)
        report, log = self.folder / f"report-{number}.xml", self.folder / f"log-{number}.txt"
        arguments = ["--tb=long", f"--junitxml={report}", *_WITHOUT, *tests]
        if self._stopped.is_set():
            return dict.fromkeys(tests, Seen(Ended.BROKEN, "stopped"))
        if not self._own().run(root, arguments, log, limit=self.limit):
            return dict.fromkeys(tests, Seen(Ended.BROKEN, f"not over within {self.limit:g} s"))
        if not report.is_file():
            lines = log.read_text("utf-8", errors="replace").splitlines()
            return dict.fromkeys(tests, Seen(Ended.BROKEN, lines[-1] if lines else "pytest said nothing"))
        return read(report.read_text("utf-8"), tests)

    def stop(self) -> None:
        """End what runs, with its servers and workers, and start nothing any more."""
        self._stopped.set()
        for one in self._forks:
            one.end()

    def close(self) -> None:
        """End the processes that run tests, once nothing runs in them."""
        for one in self._forks:
            one.close()

    def _own(self) -> "Forks":
        if (own := getattr(self._mine, "forks", None)) is None:
            own = self._mine.forks = Forks()
            self._forks.append(own)
        return own


class Forks:
    """Run pytest in a fork of a process that has imported the libraries (forks.py); for one thread."""

    def __init__(self) -> None:
        # -P: the program's own folder has modules with names that libraries have, too.
        argv = [sys.executable, "-P", str(Path(__file__).with_name("forks.py"))]
        self._server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._running: int | None = None
        self._pause = threading.Event()

    def run(self, root: Path, arguments: Sequence[str], log: Path, *, limit: float) -> bool:
        """Run pytest in a folder; return whether it ended by itself within the limit, in seconds."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        order = {"folder": str(root), "environment": _environment(root), "arguments": list(arguments), "log": str(log)}
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


def read(report: str, tests: Sequence[str]) -> dict[str, Seen]:
    """Read from pytest's JUnit report how each test ended; one that is not in it was broken."""
    seen = dict.fromkeys(tests, Seen(Ended.BROKEN, "it did not run"))
    cases = list(ET.fromstring(report).iter("testcase"))  # noqa: S314 - pytest wrote it for us
    for test in tests:
        path, *names = test.split("::")
        own_name = re.compile(rf"{re.escape(names[-1])}(\[.*\])?")
        place = ".".join([path.removesuffix(".py").replace("/", "."), *names[:-1]])
        # A name without brackets stands for all its cases.
        own = [
            _case(case) for case in cases if case.get("classname") == place and own_name.fullmatch(case.get("name", ""))
        ]
        if own:
            seen[test] = min(own, key=lambda one: _FIRST.index(one.ended))
    return seen


_FIRST = (Ended.FAILED, Ended.BROKEN, Ended.PASSED)


def _case(case: ET.Element) -> Seen:
    for kind in ("error", "failure", "skipped"):
        found = case.find(kind)
        if found is not None:
            asserted = kind == "failure" and _ASSERTED.search((found.text or "").rstrip())
            why = (found.get("message") or "").strip().partition("\n")[0]
            return Seen(Ended.FAILED if asserted else Ended.BROKEN, why)
    return Seen(Ended.PASSED)


def _environment(root: Path) -> dict[str, str]:
    """Put the copy before the installed project, for pytest and for all that it starts; have compiled files kept."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # noqa: TID251 - a child process gets ours
    return {**ours, "PYTHONPATH": os.pathsep.join((str(root), str(root / "client")))}

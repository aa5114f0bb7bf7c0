"""A copy of the product to be broken, and pytest in it: what became of a test, and why."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("worker", "tasks", "resilience", "db", "booking_client", "simulator")
# A test that asserts fails by one of these, and pytest ends its traceback with that word.
_ASSERTED = re.compile(r": (AssertionError|Failed)$")
# Plugins that no test of a breakage needs, and whose import is a quarter of the work of a run.
_WITHOUT = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")
_GRACE = 30.0  # seconds in which an interrupted pytest ends its servers and workers


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
        self._running: set[subprocess.Popen[bytes]] = set()
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
        argv = [sys.executable, "-m", "pytest", "--tb=long", f"--junitxml={report}", *_WITHOUT, *tests]
        if self._stopped.is_set():
            return dict.fromkeys(tests, Seen(Ended.BROKEN, "stopped"))
        with log.open("wb") as out:
            process = subprocess.Popen(
                argv, cwd=root, env=_environment(root), stdout=out, stderr=out, start_new_session=True
            )
        self._running.add(process)
        try:
            process.wait(self.limit)
        except subprocess.TimeoutExpired:
            _end(process)
            return dict.fromkeys(tests, Seen(Ended.BROKEN, f"not over within {self.limit:g} s"))
        finally:
            self._running.discard(process)
        if not report.is_file():
            lines = log.read_text("utf-8", errors="replace").splitlines()
            return dict.fromkeys(tests, Seen(Ended.BROKEN, lines[-1] if lines else "pytest said nothing"))
        return read(report.read_text("utf-8"), tests)

    def stop(self) -> None:
        """End what runs, with its servers and workers, and start nothing any more."""
        self._stopped.set()
        for process in list(self._running):
            _end(process)


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


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt pytest as Ctrl-C does, so that its fixtures end what they started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

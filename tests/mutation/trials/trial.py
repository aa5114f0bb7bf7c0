"""A copy of the product to be broken, and pytest in it: what became of a test, and why."""

import json
import re
import shutil
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, count
from pathlib import Path

from tests.mutation.breakage import Breakage
from tests.mutation.trials import passed
from tests.mutation.trials.place import Place, environment
from tests.support.servers.migrated import PREPARED

ROOT = Path(__file__).parents[3]
PACKAGES = ("worker", "tasks", "resilience", "db", "booking_client", "simulator")
_FIRST_IMPORTED = ("tests.conftest", "tests.support.fleet")
# A test that asserts fails by one of these, and pytest ends its traceback with that word.
_ASSERTED = re.compile(r": (AssertionError|Failed|RanOut)$")
LEFT_OUT = frozenset(
    (
        "tests.tree",
        "tests.running.prepared",
        "tests.running.second_look",
        "tests.running.processes",
        "tests.running.times",
    )
)
"""The plugins of ours that spread, repeat and tell of a whole run of the tests: a test fails without them, too."""
WITHOUT = tuple(f"-pno:{name}" for name in sorted(LEFT_OUT))
# The plugins of others that no test of a breakage needs are a quarter of the work of a run.
_OPTIONS = ("--disable-plugin-autoload", "-p", "booking_client.pytest_plugin", *WITHOUT)


class Ended(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"  # by an assertion
    BROKEN = "broken"  # by anything else: an import, a fixture, the time limit


CAUGHT = "caught"
_VERDICTS = {Ended.FAILED: CAUGHT, Ended.PASSED: "NOT CAUGHT", Ended.BROKEN: "TEST BROKEN"}


@dataclass(frozen=True, slots=True)
class Seen:
    """Say how a test ended, and the first line of why."""

    ended: Ended
    why: str = ""


class Workshop:
    """Copy the product, and run tests in the copies; any number of threads may do so, each in a copy of its own.

    `folder` holds the copies and is somebody else's to remove. `limit` bounds one run of pytest, in seconds.
    """

    def __init__(self, folder: Path, *, limit: float) -> None:
        self.folder = folder
        self.limit = limit
        self._whole = folder / "whole"
        self._modules: list[str] = []
        self._prepared = frozenset[str]()
        self._cases: list[str] = []
        self._numbers = count(1)
        self._mine = threading.local()
        self._places: list[Place] = []
        self._stopped = threading.Event()

    def prepare(self, tests: Sequence[str]) -> None:
        """Copy what git would keep, committed or not, and make what all runs share: compiled tests, and a database.

        Raises:
            SystemExit: programs in a copy import the installed project: nothing would be broken.
        """
        ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
        shutil.copytree(ROOT, self._whole, ignore=shutil.ignore_patterns(".git", *ignored), symlinks=True)
        self._modules = self._imported()
        made = self._start("-m", "tests.support.servers.migrated", str(self.folder / "postgres"))
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        compiled = self._start("-m", "pytest", "--collect-only", *_OPTIONS, *files)
        read, _ = made.communicate()
        collected, _ = compiled.communicate()
        self._cases = [line for line in collected.splitlines() if "::" in line]
        self._prepared = frozenset(read.split("\n") if made.returncode == 0 else ())

    def passed(self, tests: Iterable[str], tree: str | None) -> frozenset[str]:
        """Return those of the prepared tests of which each case passed when the tests of this tree were run."""
        cases = {test: [case for case in self._cases if _is_of(case, test)] for test in tests}
        found = passed.passed(ROOT / passed.FILES, tree, chain.from_iterable(cases.values()))
        return frozenset(test for test, own in cases.items() if own and found.issuperset(own))

    def run(self, tests: Sequence[str], broken: Breakage | None = None) -> dict[str, Seen]:
        """Run these tests, the product being broken so, and say how each ended."""
        number = next(self._numbers)
        report, log = self.folder / f"report-{number}.xml", self.folder / f"log-{number}.txt"
        arguments = ["--tb=long", f"--junitxml={report}", *_OPTIONS, *tests]
        if self._stopped.is_set():
            return dict.fromkeys(tests, Seen(Ended.BROKEN, "stopped"))
        prepared = self._prepared and (broken is None or broken.file not in self._prepared)
        more = {PREPARED: str(self.folder / "postgres")} if prepared else {}
        if not self._own().run(broken, arguments, more, log, limit=self.limit):
            return dict.fromkeys(tests, Seen(Ended.BROKEN, f"not over within {self.limit:g} s"))
        if not report.is_file():
            lines = log.read_text("utf-8", errors="replace").splitlines()
            return dict.fromkeys(tests, Seen(Ended.BROKEN, lines[-1] if lines else "pytest said nothing"))
        return read(report.read_text("utf-8"), tests)

    def verdict(self, one: Breakage, unbroken: Seen) -> tuple[str, Seen]:
        """Break the product, unless its test fails unbroken; return what is to be said of it, and what was seen."""
        if unbroken.ended is not Ended.PASSED:
            return "FAILS UNBROKEN", unbroken
        seen = self.run([one.test], one)[one.test]
        return _VERDICTS[seen.ended], seen

    def stop(self) -> None:
        """End what runs, with its servers and workers, and start nothing any more."""
        self._stopped.set()
        for one in self._places:
            one.end()

    def close(self) -> None:
        """End the processes that run tests, once nothing runs in them."""
        for one in self._places:
            one.close()

    def _imported(self) -> list[str]:
        """Return the modules of the product that pytest imports in a copy before its first test."""
        ask = f"""
import json, sys
import {", ".join((*PACKAGES, *_FIRST_IMPORTED))}
found = [(name, module.__file__) for name, module in sys.modules.items() if name.partition(".")[0] in {PACKAGES}]
print(json.dumps([(name, file) for name, file in found if file]))
"""
        argv = [sys.executable, "-c", ask]
        found = json.loads(subprocess.check_output(argv, cwd=self._whole, env=environment(self._whole)))
        if not all(Path(file).is_relative_to(self._whole) for _, file in found):
            raise SystemExit("programs in a copy import the installed project: nothing would be broken")
        return [name for name, _ in found]

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        argv = [sys.executable, *arguments]
        return subprocess.Popen(argv, cwd=self._whole, env=environment(self._whole), stdout=subprocess.PIPE, text=True)

    def _own(self) -> Place:
        if (own := getattr(self._mine, "place", None)) is None:
            own = self._mine.place = Place(self._whole, self.folder / f"place-{next(self._numbers)}", self._modules)
            self._places.append(own)
        return own


def _is_of(case: str, test: str) -> bool:
    """Say whether a test is this case; a name without brackets stands for all its cases."""
    return case == test or case.startswith(f"{test}[")


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

"""A suite of its own for tests of how tests are run."""

import gc
import os
import signal
import sys
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.running.second_look import TOLD
from tests.running.waiting import eventually

PLUGINS = (
    "-p",
    "no:cacheprovider",
    "-p",
    "tests.running.second_look",
    "-p",
    "tests.running.processes",
    "-p",
    "tests.running.times",
)
BEGIN = """
    import os, queue, signal, subprocess, threading, time
    from pathlib import Path
    import pytest, requests
    from tests.running.waiting import eventually
    HERE = Path(__file__).parent

    def times(name):  # how often this was asked, in all processes
        with (HERE / name).open("a") as file:
            file.write(".")
        return len((HERE / name).read_text())
"""


class Ran:
    """A run that is over."""

    def __init__(self, folder: Path, code: int, out: str) -> None:
        self.folder, self.code, self.out = folder, code, out

    def looks(self, name: str) -> int:
        """Return how often a test was run that counts it."""
        file = self.folder / name
        return len(file.read_text()) if file.exists() else 0

    def cases(self) -> dict[str, str]:
        """Return what the report in JUnit's format says of each test."""
        cases = ET.parse(self.folder / "ran.xml").getroot().iter("testcase")  # noqa: S314 - our own
        return {
            str(one.get("name")): next((part.tag for part in one if part.tag != "properties"), "passed")
            for one in cases
        }


Suite = Callable[..., Ran]


@contextmanager
def started(folder: Path, tests: str, *arguments: str) -> Iterator[int]:
    """Run a suite of these tests in a fork, which has what pytest needs already; its output is in `out`."""
    (folder / "test_suite.py").write_text(textwrap.dedent(BEGIN) + textwrap.dedent(tests))
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -q\nmarkers = alone: alone\n  debian_rabbitmq: RabbitMQ\n")
    if not (pid := os.fork()):
        with suppress(BaseException):
            os.setsid()
            gc.freeze()  # pytest collects garbage five times at its end, and all tests of this project are none
            os.chdir(folder)
            out = os.open("out", os.O_WRONLY | os.O_CREAT)
            os.dup2(out, 1)
            os.dup2(out, 2)
            sys.stdout = sys.stderr = os.fdopen(out, "w")
            os.environ.update({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", TOLD: "unsteady.txt"})  # noqa: TID251 - a child's
            code = pytest.main([*PLUGINS, "--junitxml=ran.xml", "--processes=3", *arguments])
            sys.stdout.flush()
            os._exit(code)
        os._exit(99)
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def ended(pid: int) -> int:
    """Wait for the end of a fork and return its exit code."""
    status = eventually(lambda: (seen := os.waitpid(pid, os.WNOHANG))[0] and seen, what="the run is over")[1]
    return os.waitstatus_to_exitcode(status)


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Run a suite of these tests to its end."""

    def run(tests: str, *arguments: str) -> Ran:
        with started(tmp_path, tests, *arguments) as pid:
            return Ran(tmp_path, ended(pid), (tmp_path / "out").read_text())

    return run

"""Where the time of a run went: at its end the tests and fixtures that took most, what they waited and computed.

A test has waited while it asked for a condition time after time (tests/running/waiting.py). It has computed what its
process and all that was started in it have used of a core; a fixture what its process has, and those that it has ended.
The JUnit file has both of each test as its properties.
"""

import os
import time
from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from tests.running.waiting import WAITED
from tests.running.work import computed

TESTS, FIXTURES = 20, 5


@dataclass
class Spent:
    """Seconds in all, waited and computed, how often, and how many looks the waits took."""

    seconds: float = 0.0
    waited: float = 0.0
    computed: float = 0.0
    times: int = 0
    looks: int = 0

    def add(self, seconds: float, waited: float, used: float, *, times: int = 0, looks: int = 0) -> None:
        """Add some."""
        self.seconds, self.waited, self.computed = self.seconds + seconds, self.waited + waited, self.computed + used
        self.times, self.looks = self.times + times, self.looks + looks

    def line(self, name: str) -> str:
        """Return it in one line."""
        return f"{self.seconds:7.1f} s {self.waited:8.1f} / {self.computed:5.1f}  {name}"


def _now() -> tuple[float, float, float]:
    return time.monotonic(), WAITED.seconds, sum(os.times()[:4])


class Meter:
    """What the tests of a process spend that has begun with them; a report of each takes it along."""

    def __init__(self) -> None:
        self._tree, self._waited, self._looks = 0.0, WAITED.seconds, WAITED.looks
        self._began: dict[str, tuple[float, float, float]] = {}
        self._fixtures: defaultdict[str, Spent] = defaultdict(Spent)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Measure how a fixture is made, and how it is ended: finalizers run in the opposite order."""
        name = fixturedef.argname
        fixturedef.addfinalizer(partial(self._ends, name))
        self._begins(name)
        try:
            return (yield)
        finally:
            self._ends(name, times=1)
            fixturedef.addfinalizer(partial(self._begins, name))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Give a test's last report what it has spent."""
        report = yield
        if report.when == "teardown":
            tree = computed()
            fixtures = {name: vars(one) for name, one in self._fixtures.items()}
            waited, looks = WAITED.seconds - self._waited, WAITED.looks - self._looks
            used = max(0.0, tree - self._tree)
            report.spent = (waited, used, looks, fixtures)  # type: ignore[attr-defined]
            report.user_properties += [("waited", f"{waited:.1f}"), ("computed", f"{used:.1f}")]
            self._tree, self._waited, self._looks = tree, WAITED.seconds, WAITED.looks
            self._fixtures.clear()
        return report

    def _begins(self, name: str) -> None:
        self._began[name] = _now()

    def _ends(self, name: str, times: int = 0) -> None:
        spent = (now - then for now, then in zip(_now(), self._began[name], strict=True))
        self._fixtures[name].add(*spent, times=times)


@dataclass
class Pictures:
    """What all tests have spent."""

    tests: defaultdict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))
    fixtures: defaultdict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what a report brings."""
        self.tests[report.nodeid].add(report.duration, 0.0, 0.0)
        if (spent := getattr(report, "spent", None)) is not None:
            waited, used, looks, fixtures = spent
            self.tests[report.nodeid].add(0.0, waited, used, looks=looks)
            for name, one in fixtures.items():
                self.fixtures[name].add(
                    one["seconds"], one["waited"], one["computed"], times=one["times"], looks=one["looks"]
                )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show those that took most."""
        whole = Spent()
        for one in self.tests.values():
            whole.add(one.seconds, one.waited, one.computed, looks=one.looks)
        terminalreporter.section("what took most: seconds, of them waited / computed")
        for name, one in _most(self.tests, TESTS):
            terminalreporter.write_line(one.line(name))
        terminalreporter.write_line("")
        for name, one in _most(self.fixtures, FIXTURES):
            terminalreporter.write_line(one.line(f"{name}, {one.times:,} times"))
        terminalreporter.write_line("")
        terminalreporter.write_line(whole.line(f"all tests; they looked {whole.looks:,} times whether a wait was over"))


def _most(spent: dict[str, Spent], count: int) -> list[tuple[str, Spent]]:
    return sorted(spent.items(), key=lambda one: one[1].seconds, reverse=True)[:count]


def pytest_configure(config: pytest.Config) -> None:
    """Measure where many tests are run."""
    if config.getoption("--processes", 0):
        config.pluginmanager.register(Meter())
        config.pluginmanager.register(Pictures())

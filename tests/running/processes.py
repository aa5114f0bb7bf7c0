"""Run tests side by side, in forks of one process that has read them all (`--processes N`).

To read them takes ten seconds of a core: it is done once. What waits gets further processes, one after the other, while
cores are idle: on a busy machine they would only make each other late. A fork asks for its next share before the last
test of the one that it has, for pytest must know which fixtures are needed again.
"""

import gc
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest
from _pytest.reports import TestReport

from tests.running import prepared, second_look
from tests.running.cores import LOOK, Cores
from tests.running.forked import run_shares
from tests.running.shares import Share, Shares

OPTION = "--processes"
CORES = 2  # of what computes, so many side by side
FURTHER, SPARE = 3, 0.5  # processes of what waits at most, and how many cores must be idle for one more
ENDS_WITHIN = 20.0  # seconds from the order to end until a process is killed
Ended = Callable[[int, list[TestReport]], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(OPTION, type=int, default=0, metavar="N", help="run tests in up to N forks, a failed wait twice")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the tests in forks; without the option pytest does it."""
    processes: int = session.config.getoption(OPTION)
    if not processes or session.config.option.collectonly or session.testsfailed:
        return None
    Run(session, processes).all()
    return True


@dataclass
class Lot:
    """Shares that so many processes run side by side, `further` ones while cores are idle; and what comes before."""

    shares: deque[Share]
    processes: int
    further: int = 0
    prepare: Callable[[], object] = lambda: None


@dataclass(eq=False)
class Fork:
    """A process that runs tests, and which of them it has."""

    pid: int
    connection: "Connection[Any, Any]"
    shares: list[Share]
    runs: int | None = None

    def begins(self, number: int) -> None:
        """Note which test it runs."""
        self.runs = number
        self.shares[0].remove(number)
        self.shares = [share for share in self.shares if share]


class Run:
    """One run of all tests of a session."""

    def __init__(self, session: pytest.Session, processes: int) -> None:
        self._session, self._processes = session, processes
        self._shares = Shares(session.items)
        self._lots: list[Lot] = []  # one after the other
        self._forks: list[Fork] = []
        self._held: dict[int, list[TestReport]] = {}  # failures of those that may pass alone
        self._cores, self._further = Cores(), 0

    def all(self) -> None:
        """Run what computes, what waits beside others, and what must be alone; last what may pass when it is alone."""
        shares, postgres = self._shares, self._session.config.pluginmanager.getplugin(prepared.NAME)
        computing = Lot(shares.computing, min(CORES, self._processes))
        waiting = Lot(shares.waiting, self._processes, FURTHER, postgres.ready if postgres else lambda: None)
        gc.freeze()  # what all forks have in common: no collector of theirs walks it, and so copies it
        try:
            self._run([computing, waiting], self._hold)
            self._run([Lot(shares.alone, 1)], self._hold)
            self._look_again()
        except KeyboardInterrupt:
            for number, reports in self._held.items():
                self._log(number, reports)
            raise
        finally:
            self._end()

    def _hold(self, number: int, reports: list[TestReport]) -> None:
        if second_look.may_pass(reports):
            self._held[number] = reports
        else:
            self._log(number, reports)

    def _look_again(self) -> None:
        """Run what was held once more; but if the run has failed, or has failed too often, that changes nothing."""

        def ended(number: int, reports: list[TestReport]) -> None:
            first = self._held.pop(number)
            failed = any(one.failed for one in reports)
            self._log(number, first if failed else second_look.unsteady(reports, first))

        if self._session.testsfailed or len(self._held) > second_look.MOST:
            for number, reports in self._held.items():
                self._log(number, reports)
        elif self._held:
            self._run([Lot(deque(deque([number]) for number in self._held), 1)], ended)

    def _run(self, lots: list[Lot], ended: Ended) -> None:
        self._lots = lots
        while True:
            most = next((lot.processes + min(lot.further, self._further) for lot in lots if lot.shares), 0)
            while len(self._forks) < most and (share := self._share()):
                self._fork(share)
            if not self._forks:
                return
            heard: list[Any] = wait([fork.connection for fork in self._forks], LOOK)
            for fork in [one for one in self._forks if one.connection in heard]:
                self._hear(fork, ended)
            if self._cores.idle() > SPARE and len(self._forks) >= most:
                self._further = min(FURTHER, self._further + 1)

    def _share(self) -> Share | None:
        """Take the next one."""
        for lot in self._lots:
            if lot.shares:
                lot.prepare()
                return lot.shares.popleft()
        return None

    def _fork(self, share: Share) -> None:
        """Start a process with its first share."""
        here, there = Pipe()
        folder = self._session.config._tmp_path_factory.mktemp("fork")  # type: ignore[attr-defined] # noqa: SLF001
        if not (pid := os.fork()):
            run_shares(self._session, there, share, folder, others=[here, *(one.connection for one in self._forks)])
        there.close()
        self._forks.append(Fork(pid, here, [share]))

    def _hear(self, fork: Fork, ended: Ended) -> None:
        """Take what a process tells."""
        try:
            told = fork.connection.recv()
        except (EOFError, ConnectionError):
            told = "gone"
        match told:
            case "next":
                share = None if self._shares.have_own_process(fork.shares[-1]) else self._share()
                fork.shares += [share] if share else []
                fork.connection.send(share)
            case ("begins", number):
                fork.begins(number)
            case ("ended", number, reports):
                fork.runs = None
                config = self._session.config
                read = config.hook.pytest_report_from_serializable
                ended(number, [read(config=config, data=data) for data in reports])
            case "over" | "gone":
                self._forks.remove(fork)
                fork.connection.close()
                code = os.waitstatus_to_exitcode(os.waitpid(fork.pid, 0)[1])
                if told == "gone":
                    self._report_end(fork, code)
            case (kind, why):
                raise (KeyboardInterrupt if kind == "interrupted" else RuntimeError)(why)

    def _report_end(self, fork: Fork, code: int) -> None:
        """Let the test fail in which a process has ended, and leave to others what it had besides."""
        if fork.runs is None:
            raise RuntimeError(f"a process has ended between two tests, with {code}")
        self._lots[-1].shares.extendleft(reversed(fork.shares))
        item, what = self._session.items[fork.runs], f"the process that ran this test has ended, with {code}"
        self._log(fork.runs, [TestReport(item.nodeid, item.location, {}, "failed", what, "call")])

    def _log(self, number: int, reports: Sequence[TestReport]) -> None:
        """Tell pytest of a test that is over."""
        item, hook = self._session.items[number], self._session.config.hook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._session.shouldstop:
            raise self._session.Interrupted(self._session.shouldstop)

    def _end(self) -> None:
        """End the processes that still run."""
        for fork in self._forks:
            os.kill(fork.pid, signal.SIGINT)
        ends_at, pause = time.monotonic() + ENDS_WITHIN, threading.Event()
        for fork in self._forks:
            while not os.waitpid(fork.pid, os.WNOHANG)[0]:
                if time.monotonic() > ends_at:
                    os.kill(fork.pid, signal.SIGKILL)
                pause.wait(0.05)

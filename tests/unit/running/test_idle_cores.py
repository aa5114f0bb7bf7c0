"""What waits has further processes while cores are idle, and no more than were asked for while they are not."""

import os
import threading

import pytest

from tests.running import processes
from tests.running.cores import Cores, seen
from tests.unit.running.conftest import Suite

WAITS = """
    @pytest.fixture
    def spawn(): pass

    @pytest.mark.parametrize("number", range(10))
    def test_waits(spawn, number):
        (HERE / f"process-{{os.getpid()}}").touch()
        eventually(lambda: len(list(HERE.glob("process-*"))) >= {together}, within=30)
"""


@pytest.mark.parametrize(("idle", "together"), [(1.0, 2 + processes.FURTHER), (0.2, 2)])
def test_further_processes_run_while_cores_are_idle(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, idle: float, together: int
) -> None:
    """Of ten tests that each wait for others so many run side by side."""
    monkeypatch.setattr(processes, "LOOK", 0.02)
    monkeypatch.setattr(Cores, "idle", lambda _: idle)
    ran = suite(WAITS.format(together=together), "--processes=2")
    assert ran.code == 0, ran.out
    assert len(list(ran.folder.glob("process-*"))) == together


def test_idle_cores_are_those_of_the_last_seconds() -> None:
    """Not all since the start; and before there is something to look at there are none."""
    looks = iter([(10.0, 100.0), (12.0, 104.0), (20.0, 115.0), (30.0, 115.5)])
    cores = Cores(lambda: next(looks))
    assert [cores.idle() for _ in range(3)] == [0.0, 1.5, 0.05]


def test_no_more_cores_are_idle_than_there_are() -> None:
    """By this machine's own figures."""
    (began, before), pause = seen(), threading.Event()
    pause.wait(0.5)
    now, idle = seen()
    assert 0.0 <= idle - before <= (os.cpu_count() or 1) * (now - began + 0.1)

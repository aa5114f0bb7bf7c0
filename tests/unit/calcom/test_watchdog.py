"""The watchdog cuts what runs too long, and only that."""

import os
import threading
import time

import pytest

from tasks.calcom.http.call import Watchdog


def test_what_runs_too_long_is_cut_in_order() -> None:
    """Whatever the order in which it began."""
    watchdog = Watchdog()
    cut: list[int] = []
    last = threading.Event()
    now = time.monotonic()

    with (
        watchdog.watch(now + 0.3, lambda: (cut.append(3), last.set())),
        watchdog.watch(now + 0.1, lambda: cut.append(1)),
        watchdog.watch(now + 0.2, lambda: cut.append(2)),
    ):
        assert last.wait(5)

    assert cut == [1, 2, 3]


def test_what_has_ended_is_not_cut() -> None:
    """A later watch is cut, an earlier one that has ended is not."""
    watchdog = Watchdog()
    cut: list[str] = []
    last = threading.Event()

    with watchdog.watch(time.monotonic() + 0.05, lambda: cut.append("ended")):
        pass
    with watchdog.watch(time.monotonic() + 0.1, last.set):
        assert last.wait(5)

    assert cut == []


def test_many_watches_need_one_thread() -> None:
    """However many calls are under way."""
    watchdog = Watchdog()
    before = threading.active_count()

    for _ in range(100):
        with watchdog.watch(time.monotonic() + 60, lambda: None):
            pass

    assert threading.active_count() == before + 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_after_a_fork_has_a_watchdog_of_its_own() -> None:
    """Its parent's thread does not exist there."""
    watchdog = Watchdog()
    with watchdog.watch(time.monotonic() + 60, lambda: None):
        if (child := os.fork()) == 0:
            watchdog.forget()
            cut = threading.Event()
            with watchdog.watch(time.monotonic() + 0.05, cut.set):
                os._exit(0 if cut.wait(5) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

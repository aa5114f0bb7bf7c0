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
    busy, all_begun, last = threading.Event(), threading.Event(), threading.Event()
    now = time.monotonic()

    with watchdog.watch(now, lambda: (busy.set(), all_begun.wait(60))):
        assert busy.wait(60)  # its thread cuts nothing meanwhile
        with (
            watchdog.watch(now + 0.3, lambda: (cut.append(3), last.set())),
            watchdog.watch(now + 0.1, lambda: cut.append(1)),
            watchdog.watch(now + 0.2, lambda: cut.append(2)),
        ):
            all_begun.set()
            assert last.wait(60)

    assert cut == [1, 2, 3]


def test_what_ends_earlier_is_cut_though_a_later_one_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread does not sleep until the end that it knew first."""
    asleep, cut = threading.Event(), threading.Event()

    class Changed(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            asleep.set()  # and the lock is let go: the next call that takes it finds the thread asleep
            return super().wait(timeout)

    with monkeypatch.context() as patched:
        patched.setattr(threading, "Condition", Changed)
        watchdog = Watchdog()

    with watchdog.watch(time.monotonic() + 3600, lambda: None):
        assert asleep.wait(60)
        with watchdog.watch(time.monotonic(), cut.set):
            assert cut.wait(60)


def test_what_has_ended_is_not_cut() -> None:
    """A later watch is cut, an earlier one that has ended is not."""
    watchdog = Watchdog()
    cut: list[str] = []
    last = threading.Event()

    with watchdog.watch(time.monotonic() + 0.05, lambda: cut.append("ended")):
        pass
    with watchdog.watch(time.monotonic() + 0.1, last.set):
        assert last.wait(60)

    assert cut == []


def test_many_watches_need_one_thread() -> None:
    """However many calls are under way."""
    watchdog = Watchdog()

    def threads() -> int:
        return sum(thread.name == "calcom-watchdog" for thread in threading.enumerate())

    before = threads()

    for _ in range(100):
        with watchdog.watch(time.monotonic() + 60, lambda: None):
            pass

    assert threads() == before + 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_after_a_fork_has_a_watchdog_of_its_own() -> None:
    """Its parent's thread does not exist there."""
    watchdog = Watchdog()
    with watchdog.watch(time.monotonic() + 60, lambda: None):
        if (child := os.fork()) == 0:
            watchdog.forget()
            cut = threading.Event()
            with watchdog.watch(time.monotonic() + 0.05, cut.set):
                os._exit(0 if cut.wait(60) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

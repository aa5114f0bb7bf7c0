"""How a long command ends: once, whenever the signal comes."""

import os
import signal
import sys
import threading

import pytest

from worker.local.graceful_shutdown import GracefulShutdown


class Deleted:
    """Get a signal while being deleted, where Python ignores what is raised."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        """Come at the worst moment."""
        os.kill(os.getpid(), self._number)


def delete_and_wait(number: signal.Signals) -> None:
    """Go on after the deletion, as Python does."""
    Deleted(number)
    threading.Event().wait(10)


@pytest.mark.parametrize(
    ("number", "raised", "code"), [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143)]
)
def test_a_signal_that_comes_while_an_object_is_deleted_is_not_lost(
    number: signal.Signals, raised: type[BaseException], code: int | None
) -> None:
    """It was once: psycopg deletes connections, and `booking up` went on for ever."""
    hook, handler = sys.unraisablehook, signal.getsignal(number)

    with pytest.raises(raised) as ended, GracefulShutdown():
        delete_and_wait(number)

    assert getattr(ended.value, "code", None) == code
    assert (sys.unraisablehook, signal.getsignal(number)) == (hook, handler)


def test_a_block_that_ends_by_itself_right_after_such_a_signal_is_not_disturbed_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python's own end would show a traceback, of a command that has done its work."""
    waiting: list[threading.Timer] = []

    def start(timer: threading.Timer) -> None:
        waiting.append(timer)

    monkeypatch.setattr(threading.Timer, "start", start)

    with GracefulShutdown():
        Deleted(signal.SIGINT)

    [again] = waiting
    assert again.finished.is_set(), "it was cancelled"

"""The lane of a task: a worker runs as many tasks at once as it has lanes; a task may leave its lane before it ends.

What a task does after that counts for no call of Cal.com: the next task takes the lane meanwhile. Where a pool has no
lanes (prefork, a caller's own thread), nothing happens.
"""

import threading
from collections.abc import Callable


class _Mine(threading.local):
    leave: Callable[[], object] | None = None


_mine = _Mine()


def take(leave: Callable[[], object]) -> None:
    """Tell that this thread's task has a lane; `leave` gives it to another task."""
    _mine.leave = leave


def leave() -> None:
    """Leave the lane of this thread's task, if it has one; a second call does nothing."""
    leave, _mine.leave = _mine.leave, None
    if leave is not None:
        leave()


def give_back() -> bool:
    """Forget the lane of this thread's task, and return whether it was still in it."""
    held, _mine.leave = _mine.leave is not None, None
    return held

"""Wait for a condition with a bound; who runs out of time says so by its type, and what was waited is counted."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


class RanOut(pytest.fail.Exception):
    """A wait was not over in its time. A slow machine can be the cause, which a wrong value never has."""


@dataclass
class Waited:
    """Seconds that this process has waited for conditions, and how often it has looked."""

    seconds: float = 0.0
    looks: int = 0


WAITED = Waited()


def eventually(condition: Callable[[], Any], *, within: float = 60.0, what: str = "") -> Any:
    """Wait for a condition to hold and return what it gave. Raises RanOut when it does not within this many seconds."""
    __tracebackhide__ = True
    began_at = time.monotonic()
    pause = threading.Event()
    try:
        while True:
            asked_at = time.monotonic()
            WAITED.looks += 1
            if seen := condition():
                return seen
            now = time.monotonic()
            if now - began_at > within:
                raise RanOut(f"not within {within:g} s: {what or condition}")
            # Who waits must not be what others wait for: the longer it takes, the less often it is asked.
            pause.wait(max(0.02, 2 * (now - asked_at), min(0.25, (now - began_at) / 20)))
    finally:
        WAITED.seconds += time.monotonic() - began_at

"""A worker of the queue `callbacks`, for the tests of what it sends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.callbacks.callers import LOOPBACK
from tests.support.fleet import ALONE, Fleet, eventually, read


@pytest.fixture
def start(fleet: Callable[..., Fleet]) -> Callable[[], Any]:
    """Start a worker of the queue `callbacks`; the test itself is the beat."""
    one = fleet(**LOOPBACK)

    def begin() -> Any:
        process = one.celery("worker", "-P", "threads", "-c", "16", "-Q", "callbacks", "-n", "callbacks@test", *ALONE)
        log = Path(one.folder) / f"{len(one.processes) - 1}-worker.log"
        eventually(lambda: " ready." in read(log), what="the worker is ready")
        return process

    return begin

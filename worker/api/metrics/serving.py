"""One process of `booking serve` answers Prometheus for all of them: the one that holds the lock of their folder.

Each process counts in files of its own there. Those of a process that has ended stay, so no counter falls.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from worker.metrics import server

EVERY = 1.0  # seconds from one try to the next: the process that served may have died


class AllProcesses(Collector):
    """Collect what all processes have counted, and what those that live have under way."""

    def __init__(self, folder: Path) -> None:
        self._files = MultiProcessCollector(None, str(folder))
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Return the metrics."""
        for file in self._folder.glob("gauge_live*.db"):
            process = int(file.stem.rpartition("_")[2])
            if not _is_alive(process):
                mark_process_dead(process, str(self._folder))
        yield from self._files.collect()


async def serve_for_all(folder: Path, address: str) -> None:
    """Serve at HOST:PORT until this process ends, as soon as no other process does."""
    with (folder / "serving.lock").open("w") as lock:
        while not _is_ours(lock):  # noqa: ASYNC110 - nothing tells us that its holder has died
            await asyncio.sleep(EVERY)
        server.serve(AllProcesses(folder), address)
        await asyncio.Event().wait()


def _is_ours(lock: IO[str]) -> bool:
    """Take the lock if nobody has it; the kernel takes it from a process that ends."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True

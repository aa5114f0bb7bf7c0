"""How much memory a worker of 64 threads holds after 20,000 bookings, beside what it held after 1,000."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from beside_celery.stage import start_answerer
from environment import deployment, some, until
from sqlalchemy import text

from tasks import dependencies
from worker import enqueue_bookings
from worker.local.embedded import Guard
from worker.local.processes import fleet

THREADS = 64
FIRST, ALL, BATCH = 1_000, 20_000, 1_000
WITHIN = 300.0  # seconds for a batch


def pairs() -> Iterator[dict[str, float]]:
    """Book at a Cal.com that answers at once; it takes some minutes, so once."""
    with Guard() as guard:
        answerer = start_answerer(guard, 0.0)
        with deployment(calcom_base_url=answerer.url) as ready:
            worker = ready.processes.start_all(fleet(THREADS))["worker 1"]
            held = [_after(count, worker) for count in range(FIRST, ALL + 1, BATCH)]
            print(f"  {held[0] / 1e6:.1f} MB, {held[-1] / 1e6:.1f} MB in the end", file=sys.stderr, flush=True)
            yield {"worker_rss": held[-1] / held[0]}


def _after(count: int, worker: int) -> int:
    """Book the next batch, and return the bytes that the worker holds when `count` are confirmed."""
    enqueue_bookings(some(count - BATCH, BATCH))
    until(lambda: confirmed() >= count, within=WITHIN, pause=threading.Event().wait)
    return rss(worker)


def confirmed() -> int:
    """Return how many bookings are confirmed."""
    with dependencies.current().engine.connect() as conn:
        query = text("SELECT count(*) FROM appointments WHERE status = 'confirmed'")
        return int(conn.execute(query).scalar_one())


def rss(pid: int) -> int:
    """Return the bytes of memory that a process holds."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024

"""What it costs to accept bookings while the breaker is open: time, messages, memory of Redis and of a worker."""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import redis
from environment import BenchmarkEnvironment, benchmark_environment, some, until
from sqlalchemy import text

from tasks import dependencies
from worker import enqueue_bookings

BATCH = 500
PAIRS = 9


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    asked = _parser().parse_args(arguments)
    with benchmark_environment([asked.threads], latency=0.0, hold_max_age=0) as ready:
        result: dict[str, Any] = {"held": asked.held} | _memory(ready, asked.held)
        result |= _ratio(asked.rounds)
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):34} {value:.2f}" if isinstance(value, float) else f"{name:34} {value}")


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--held", type=int, default=100_000, metavar="N", help="bookings enqueued while open (100000)")
    made.add_argument("--threads", type=int, default=32, metavar="N", help="threads of the worker (32)")
    made.add_argument("--rounds", type=int, default=15, metavar="N", help=f"of {BATCH}, closed and open in turn (15)")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def _memory(ready: BenchmarkEnvironment, count: int) -> dict[str, Any]:
    dependencies.current().breaker.operators.force_open("operator", "a benchmark")
    enqueue_bookings(some(0, BATCH))
    _pause(3.0)  # beat has run each task once
    worker = next(pid for part, pid in ready.pids.items() if part.startswith("worker"))
    with redis.Redis.from_url(ready.redis_url) as client:
        before, resident = _used(client), _rss(worker)
        for first in range(BATCH, BATCH + count, BATCH):
            enqueue_bookings(some(first, min(BATCH, BATCH + count - first)))
        return {
            "redis_grown_kb": (_used(client) - before) / 1000,
            "worker_grown_kb": (_rss(worker) - resident) / 1000,
            "messages_queued": client.llen("bookings"),
        }


def pairs() -> Iterator[dict[str, float]]:
    """Accept bookings and holds in turn, without workers: what they do beside it is not measured."""
    with benchmark_environment([], latency=0.0, hold_max_age=0):
        list(_rounds(1, booked=False))  # warm
        for closed, opened in _rounds(PAIRS, booked=False):
            yield {"enqueue_while_open": opened / closed}


def _ratio(rounds: int) -> dict[str, float]:
    took = list(_rounds(rounds))
    closed, opened = (statistics.median(times) for times in zip(*took, strict=True))
    return {"closed_us_each": closed / BATCH * 1e6, "open_us_each": opened / BATCH * 1e6, "ratio": opened / closed}


def _rounds(rounds: int, *, booked: bool = True) -> Iterator[tuple[float, float]]:
    """Enqueue with the breaker closed and open in turn; the line is emptied before each, or it would hold all."""
    breaker = dependencies.current().breaker
    for turn in range(rounds):
        took = []
        for shut in (False, True):
            with dependencies.current().engine.begin() as conn:
                conn.execute(text("TRUNCATE appointments CASCADE"))
            (breaker.operators.force_open if shut else breaker.reset)("operator", "a benchmark")
            asked = some(1_000_000 + (2 * turn + shut) * BATCH, BATCH)
            began = time.monotonic()
            enqueue_bookings(asked)
            took.append(time.monotonic() - began)
            if booked and not shut:
                until(_all_ended, within=120, pause=_pause)
        yield took[0], took[1]


def _all_ended() -> bool:
    with dependencies.current().engine.connect() as conn:
        return not conn.execute(text("SELECT count(*) FROM appointments WHERE status <> 'confirmed'")).scalar_one()


def _used(client: "redis.Redis") -> int:
    return int(client.info("memory")["used_memory"])


def _rss(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


_pause = threading.Event().wait

if __name__ == "__main__":
    main()

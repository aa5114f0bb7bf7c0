"""How much of a fleet's threads the release window uses, with real servers, while held bookings are let go.

By name, not a part of `make bench`: python benchmarks/release_window.py --threads 64 --errors 0.1. It takes some two
minutes. A call takes two seconds, so that two cores are not the bound. The simulator answers; `--errors` is the share
of calls that it answers 500, `--kill` the share of the threads that are killed in the middle of the drain,
`--arrivals` the requests a second that come meanwhile.
"""

import argparse
import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import redis
from environment import BenchmarkEnvironment, benchmark_environment, in_batches, open_breaker, some
from sqlalchemy import text

from tasks import dependencies
from tasks.work.publish import QUEUE
from worker import enqueue_bookings

LATENCY, OPEN = 2.0, 2.0
GROWN = 20.0  # seconds after Cal.com's return: by then the window has grown
WORKERS, EACH = 4, 0.25
LEAST_HELD = 0.1  # of those held: with fewer the line is as good as over
_pause = threading.Event().wait


class Look(NamedTuple):
    """The deployment at one moment."""

    at: float
    held: int
    messages: int
    window: int


@dataclass
class Day:
    """One drain, as it is watched."""

    ready: BenchmarkEnvironment
    asked: argparse.Namespace
    back_at: float = 0.0
    killed_at: float = 0.0
    looks: list[Look] = field(default_factory=list)

    @property
    def bulk(self) -> int:
        """Return how many bookings are held."""
        return round(self.asked.threads / LATENCY * self.asked.seconds)

    def run(self) -> dict[str, Any]:
        """Hold the bookings, have them let go, and return what was seen."""
        calcom, asked = self.ready.calcom, self.asked
        calcom.order("POST", "/_faults", {"kind": "status", "name": "unavailable"})
        held_from = open_breaker(0, _ask, pause=_pause)
        _ask(held_from, self.bulk)
        calcom.order("DELETE", "/_faults")
        if asked.errors:
            calcom.order("POST", "/_faults", {"kind": "status", "status": 500, "share": asked.errors})
        self.back_at = time.monotonic()
        more = held_from + self.bulk
        while not self.looks or self.looks[-1].held > LEAST_HELD * self.bulk:
            self._look()
            due = held_from + self.bulk + round(asked.arrivals * (time.monotonic() - self.back_at))
            _ask(more, due - more)
            more = due
            if asked.kill and not self.killed_at and self.looks[-1].held < self.bulk / 2:
                self._kill()
            _pause(EACH)
        return self._figures(time.monotonic())

    def _look(self) -> None:
        with dependencies.current().engine.connect() as conn:
            held = int(conn.execute(text("SELECT count(*) FROM appointments WHERE status = 'held'")).scalar_one())
        with redis.Redis.from_url(self.ready.redis_url) as client:
            messages = int(client.llen(QUEUE))  # type: ignore[arg-type]
        window = dependencies.current().breaker.get_status().window
        self.looks.append(Look(time.monotonic(), held, messages, window))

    def _kill(self) -> None:
        names = [name for name in self.ready.pids if name.startswith("worker")]
        for name in names[: round(self.asked.kill * len(names))]:
            os.kill(self.ready.pids[name], signal.SIGKILL)
        self.killed_at = time.monotonic()

    def _figures(self, ends: float) -> dict[str, Any]:
        begins = (self.killed_at or self.back_at) + GROWN
        threads = self.asked.threads * (1 - (self.asked.kill if self.killed_at else 0))
        calls = [(float(call["t0"]), float(call["t1"] or ends)) for call in self.ready.calcom.journal()]
        settled = [look for look in self.looks if look.at >= begins]
        return {
            "at_work": _overlap(calls, begins, ends) / (threads * (ends - begins)),
            "seconds_of_work_in_the_broker": max((look.messages for look in settled), default=0) * LATENCY / threads,
            "window": [look.window for look in self.looks][:: round(2 / EACH)],
            "seconds": ends - self.back_at,
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    asked = _parser().parse_args(arguments)
    workers = [asked.threads // WORKERS] * WORKERS
    settings = {"circuit_breaker_half_open_timeout": OPEN, "hold_max_age": 0, "hold_release_max": asked.window}
    with benchmark_environment(workers, latency=LATENCY, **settings) as ready:
        print(json.dumps(Day(ready, asked).run()))


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--threads", type=int, default=16, metavar="N", help="threads, of four worker processes (16)")
    made.add_argument("--seconds", type=float, default=60, metavar="S", help="for which they have work (60)")
    made.add_argument("--errors", type=float, default=0, metavar="SHARE", help="of calls that are answered 500 (0)")
    made.add_argument("--kill", type=float, default=0, metavar="SHARE", help="of the threads, in the middle (0)")
    made.add_argument("--arrivals", type=float, default=0, metavar="N", help="requests a second meanwhile (0)")
    made.add_argument("--window", type=int, default=0, metavar="N", help="HOLD_RELEASE_MAX, 0: none (0)")
    return made


def _ask(first: int, count: int) -> None:
    in_batches(first, count, lambda start, number: enqueue_bookings(some(start, number)))


def _overlap(calls: Iterable[tuple[float, float]], begins: float, ends: float) -> float:
    """Return the seconds of these calls between two moments."""
    return sum(max(0.0, min(end, ends) - max(begin, begins)) for begin, end in calls)


if __name__ == "__main__":
    main()

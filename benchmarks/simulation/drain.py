"""How well the release window finds what a fleet can do: its share of the threads at work, and what lies in the broker.

Prints the table of docs/scaling.md: python -m benchmarks.simulation.drain
"""

import itertools
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import simpy

from benchmarks.simulation import check
from benchmarks.simulation.conditions import Conditions, Costs
from benchmarks.simulation.fleet import Fleet
from benchmarks.simulation.recording import Recording

EACH = 0.25  # seconds between two looks at the fleet
SETTLED = 20.0  # seconds, and times of a call, after Cal.com's return, or after the leases of killed threads
LEAST_HELD = 0.1  # of the bulk: with fewer the line is as good as over
BASE = Conditions(
    rate=1, latency=0.5, spread=0.3, failing=0.5, limit=0, outage=10, open=5, settle=30, before=10, after=110,
    database_cores=1000,
)  # fmt: skip
FLEETS = {16: (1, 16), 128: (8, 16), 1000: (40, 25)}
"""By number of threads: worker processes, and threads of each."""


class Drain(NamedTuple):
    """What a drain was like once its window had settled."""

    at_work: float
    """The share of the threads that were at work, of those that there were."""
    backlog: float
    """Seconds of work that lay in the broker, at most."""
    window: int
    """The largest window."""
    window_after: int
    """The window at the end of the day."""


class Look(NamedTuple):
    """The fleet at one moment."""

    at: float
    held: int
    idle: int
    messages: int
    window: int


def drained(day: Conditions, costs: Costs, seed: int = 1) -> Drain:
    """Let a day pass, and say how its line was let go.

    Raises:
        ValueError: Nobody was in line once the window had settled.
    """
    fleet, looks = Fleet(day, costs, random.Random(seed)), list[Look]()  # noqa: S311 - chance, not secrets
    fleet.env.process(_watch(fleet, looks))
    fleet.run()
    settles_at = day.back + SETTLED * max(1, day.latency)
    settles_at += day.lost_after + day.limits.lease_for / 1000 if day.lost else 0
    settled = [one for one in looks if one.at > settles_at and one.held > LEAST_HELD * day.bulk]
    if not settled:
        raise ValueError("the line was over before the window had settled")
    threads, call = day.workers * day.threads * (1 - day.lost), costs.enter + day.latency + costs.leave
    idle = sum(one.idle for one in settled) / len(settled)
    backlog = max(one.messages for one in settled) * call / threads
    return Drain(1 - idle / threads, backlog, max(one.window for one in looks), looks[-1].window)


def _watch(fleet: Fleet, looks: list[Look]) -> Iterator[simpy.Event]:
    while True:
        size = fleet.breaker.ramp.size
        looks.append(Look(fleet.env.now, len(fleet.held), len(fleet.idle), len(fleet.messages), size))
        yield fleet.env.timeout(EACH)


def days(threads: int, latency: float = BASE.latency) -> dict[str, Conditions]:
    """Name the days of the table, for a fleet of so many threads; `latency`: seconds of a call."""
    workers, each = FLEETS[threads]
    rate = threads / latency
    quiet = replace(BASE, workers=workers, threads=each, latency=latency, bulk=round(rate * 70))
    return {
        "all answered": quiet,
        "3 % answered 500": replace(quiet, errors=0.03),
        "10 % answered 500": replace(quiet, errors=0.1),
        "half of the threads killed": replace(quiet, lost=0.5, lost_after=10.0, after=170, bulk=round(rate * 90)),
        "as many as half of it come meanwhile": replace(quiet, rate=rate / 2, bulk=round(rate * 50)),
    }


def main() -> None:
    """Print the table."""
    costs = replace(Recording.read(check.CALIBRATION).costs, redis=0.0)
    for threads, latency in itertools.product(FLEETS, (BASE.latency, 4 * BASE.latency)):
        for name, day in days(threads, latency).items():
            found = drained(day, costs)
            figures = f"{found.at_work:6.0%}  {found.backlog:5.2f} s  {found.window:6}  {found.window_after:6}"
            print(f"{threads:5}  {latency:g} s  {name:40} {figures}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

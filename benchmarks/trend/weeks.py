"""Invented weeks of calls: traffic with the shape of a week, background failures, incidents of five shapes."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db.monitoring.failure_metrics import CallWindow

START = datetime(2029, 10, 1, tzinfo=UTC)  # a Monday
MINUTE = timedelta(minutes=1)
DAY = 1440
LENGTH = {"ramp": 60, "faint": 60, "step": 30, "spike": 4, "creep": 90}  # minutes


@dataclass(frozen=True)
class Incident:
    """What was put into the weeks; minutes since START."""

    shape: str
    begins: int
    ends: int

    def effect(self, minute: int) -> tuple[float, float]:
        """Return the share of calls that fail because of it, and by how much they are slower."""
        done = (minute - self.begins) / (self.ends - self.begins)
        match self.shape:
            case "ramp":
                return 0.5 * done, 1.0
            case "faint":
                return 0.15 * done, 1.0  # never reaches the detector's 25 %
            case "step":
                return 0.3, 1.0
            case "spike":
                return 0.7, 1.2
            case _:
                return 0.0, 1 + 1.5 * done


@dataclass(frozen=True)
class Weeks:
    """Windows of a minute by their number; None: lost."""

    windows: list[CallWindow | None]
    incidents: list[Incident]


def weeks(rng: random.Random, *, quiet: int, judged: int, busiest: float, per_week: int = 10) -> Weeks:
    """Make `quiet` weeks of nothing but noise, and `judged` weeks with incidents by day."""
    first, last = quiet * 7, (quiet + judged) * 7
    shapes = list(LENGTH)
    days = sorted(rng.sample(range(first, last), min(judged * per_week, last - first) // 2)) * 2
    incidents = []
    for n, day in enumerate(sorted(days)):
        shape = shapes[n % len(shapes)]
        begins = day * DAY + (rng.randrange(480, 660) if n % 2 else rng.randrange(780, 1080))
        incidents.append(Incident(shape, begins, begins + LENGTH[shape]))
    hit = {minute: one for one in incidents for minute in range(one.begins, one.ends)}
    return Weeks(list(_windows(rng, last * DAY, busiest, hit)), incidents)


def _windows(rng: random.Random, length: int, busiest: float, hit: dict[int, Incident]) -> Iterator[CallWindow | None]:
    daily, slow, gap = 0.0, 0.0, 0
    for minute in range(length):
        if minute % DAY == 0:
            daily, slow = rng.gauss(0, 0.25), rng.gauss(0, 0.08)  # days differ
        if not gap and rng.random() < 1 / (7 * DAY):
            gap = rng.randrange(5, 40)  # Redis was gone
        sun = math.sin(math.pi * max(0.0, (minute % DAY - 360) / 960)) if 360 <= minute % DAY <= 1320 else 0.0
        busy = (0.05 + 0.95 * sun) * (0.4 if (minute // DAY) % 7 > 4 else 1.0)
        calls = _poisson(rng, busiest * busy)
        share, slower = hit[minute].effect(minute) if minute in hit else (0.0, 1.0)
        background = (0.005 + 0.01 * busy) * math.exp(daily + rng.gauss(0, 0.3))
        failures = sum(rng.random() < min(1.0, background + share) for _ in range(calls))
        if rng.random() < 1 / 300:
            failures = min(calls, failures + rng.randrange(1, 4))  # a hiccup
        mean = 900 * (1 + 0.4 * busy) * slower * math.exp(slow + rng.gauss(0, 0.1 + 0.5 / math.sqrt(calls + 1)))
        start = START + minute * MINUTE
        yield CallWindow(start, start + MINUTE, calls, failures, mean) if calls and not gap else None
        gap = max(0, gap - 1)


def _poisson(rng: random.Random, mean: float) -> int:
    """Draw a number of calls (Knuth; the mean is small)."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, drawn = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        drawn += 1
    return drawn

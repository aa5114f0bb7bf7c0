"""What happened in a run, real or simulated, and the figures that are read from it. Pure; times in seconds."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import median
from typing import NamedTuple


class Call(NamedTuple):
    """One call that reached Cal.com."""

    begins: float
    ends: float
    books: bool
    """Whether it was a POST that booked."""


class Change(NamedTuple):
    """One change of the breaker's state."""

    at: float
    old: str
    new: str


@dataclass
class Trace:
    """A run; every list is in order of time."""

    begins: float
    """When the outage begins, and when it is over."""
    back: float
    requests: list[tuple[float, float | None]] = field(default_factory=list)
    """When each was asked for, and when it was confirmed."""
    calls: list[Call] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    holds: list[tuple[float, int]] = field(default_factory=list)
    """Moments at which a request joined the held (1) or left them (-1)."""

    def held(self) -> list[tuple[float, int]]:
        """Return how many were held, from each moment on at which that changed."""
        moments = sorted(self.holds)
        return list(zip((at for at, _ in moments), accumulate(by for _, by in moments), strict=True))


class Measures(NamedTuple):
    """The figures by which a simulated run is compared with a real one."""

    calls_until_open: int
    """Calls that failed before the breaker opened, or were in flight when it did."""
    probes: int
    calls_while_open: int
    """That began while it was open, and were no probe."""
    held_peak: int
    first_booked_after: float
    """From Cal.com's return until the first booking; seconds, as all that follow."""
    drained_after: float
    """Until nobody was held any more who waits for breaker or limit; infinite: somebody always is."""
    drain_rate: float
    """Bookings a second, from the first one until then."""
    wait_p95: float
    """Of all requests, from asked to confirmed."""
    calm_p50: float
    """The same, of those before the outage."""


def measure(run: Trace) -> Measures:
    """Read the figures of a run."""
    booked = [call.ends for call in run.calls if call.books]
    first = min((at for at in booked if at > run.back), default=math.inf)
    held = run.held()
    drained = next((at for at, count in held if at > max(run.back, first) and count == 0), math.inf)
    until = min(drained, max(booked, default=0.0))
    opens = next((change.at for change in run.changes if change.new == "open"), math.inf)
    waits = sorted(confirmed - asked for asked, confirmed in run.requests if confirmed is not None)
    calm = [done - asked for asked, done in run.requests if done is not None and done < run.begins]
    return Measures(
        calls_until_open=sum(run.begins <= call.begins <= opens and not call.books for call in run.calls),
        probes=sum(change.old == "half_open" for change in run.changes),
        calls_while_open=calls_while_open(run),
        held_peak=max((count for _, count in held), default=0),
        first_booked_after=first - run.back,
        drained_after=drained - run.back,
        drain_rate=sum(first < at <= until for at in booked) / (until - first) if until > first else 0.0,
        wait_p95=quantile(waits, 0.95),
        calm_p50=median(calm) if calm else math.nan,
    )


def calls_while_open(run: Trace, slack: float = 0.05) -> int:
    """Return how many calls began while the breaker was shut, but for one probe each time it was half-open."""
    shut = 0
    ends = [change.at for change in run.changes[1:]] + [math.inf]
    for change, until in zip(run.changes, ends, strict=True):
        begun = sum(change.at + slack < call.begins < until - slack for call in run.calls)
        if change.new == "open":
            shut += begun
        elif change.new == "half_open":
            shut += max(0, begun - 1)
    return shut


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of some sorted values lies."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else math.nan


def per_second(moments: Iterable[float], seconds: int) -> list[int]:
    """Count moments by the second in which they fall."""
    counts = [0] * seconds
    for at in moments:
        if 0 <= at < seconds:
            counts[int(at)] += 1
    return counts

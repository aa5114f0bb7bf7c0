"""Measure the outage: how many calls were made while Cal.com was down, and how soon all was booked. Pure.

Times are seconds of this machine's monotonic clock, as in the simulator's journal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from resilience.circuit_breaker.types import State

IN_FLIGHT = 1.0  # seconds after a trip in which a call that was permitted before may still arrive, on a busy machine
SAME_TIME = 0.02  # seconds by which the clocks of Redis and of the simulator may differ


@dataclass(frozen=True)
class OutageTimes:
    """When Cal.com fails: it refuses connections from `begins`, answers 503 from `answers`, works from `back`."""

    begins: float
    answers: float
    back: float


@dataclass(frozen=True)
class StateChange:
    """One change of state of the service's breaker."""

    at: float
    old: State
    new: State


@dataclass(frozen=True)
class OutageMeasures:
    """The outage's figures that the demo shows."""

    breaker_opened: int  # changes to open: the trip, and each failed probe
    calls_while_open: int  # that reached Cal.com, beyond the probes and what was in flight at the trip
    probes: int
    held_peak: int
    recovery_seconds: float | None  # from Cal.com's return until the last held booking was booked


def measure(
    changes: Sequence[StateChange],
    journal: Sequence[Mapping[str, Any]],
    *,
    held_peak: int,
    back: float,
    last_booked: float | None,
) -> OutageMeasures:
    """Compare the changes of state with the journal of all calls; refused connections are not in it."""
    calls = sorted(float(call["t0"]) for call in journal)
    return OutageMeasures(
        breaker_opened=sum(change.new is State.OPEN for change in changes),
        calls_while_open=sum(_unexpected_calls(changes, calls)),
        probes=sum(change.old is State.HALF_OPEN for change in changes),
        held_peak=held_peak,
        recovery_seconds=None if last_booked is None else round(max(0.0, last_booked - back), 1),
    )


def _unexpected_calls(changes: Sequence[StateChange], calls: Sequence[float]) -> Iterator[int]:
    ends = (*changes, StateChange(float("inf"), State.CLOSED, State.CLOSED))
    for change, following in pairwise(ends):
        until = following.at - SAME_TIME
        if change.new is State.OPEN:
            grace = IN_FLIGHT if change.old is State.CLOSED else SAME_TIME
            yield sum(change.at + grace < call < until for call in calls)
        elif change.new is State.HALF_OPEN:
            yield max(0, sum(change.at < call < until for call in calls) - 1)

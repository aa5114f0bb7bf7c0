"""The series of the charts, on one axis of time: a gap is None or missing, never a zero that was not counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from db.monitoring import heartbeats
from db.monitoring.metric_totals import AGGREGATION
from db.sql import statement

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MinuteCounts:
    """What happened in a step that begins `at`, and the most that was held; None: not counted, or no health check."""

    at: datetime
    accepted: int | None
    confirmed: int | None
    rejected: int | None
    failed: int | None
    expired: int | None
    cancelled: int | None
    retries: int | None
    held: int | None


@dataclass(frozen=True, slots=True)
class CallStep:
    """Failed calls of a step by error type, and how long all of its calls took (None: by workers that did not say)."""

    at: datetime
    failures: Mapping[str, int]
    buckets: tuple[int, ...] | None
    at_least: bool = False
    """Whether some of its calls may be missing, or all."""


@dataclass(frozen=True, slots=True)
class StateSpan:
    """A state of a breaker; `endpoint` None: the service's own. `until` None: it still has it."""

    endpoint: str | None
    state: str
    since: datetime
    until: datetime | None


def minutes(conn: Connection, since: datetime, until: datetime, *, step: timedelta = MINUTE) -> list[MinuteCounts]:
    """Return what happened in a period, a row a step, also where nothing did; `since` is a whole minute."""
    asked = {"since": since, "until": until, "step": step.total_seconds()}
    rows = conn.execute(statement("chart_minutes"), asked)
    return [
        MinuteCounts(*(at, *((count or 0) if is_whole else None for count in counts), held))
        for at, is_whole, *counts, held in rows
    ]


def failures(
    conn: Connection, service: str, since: datetime, until: datetime, *, step: timedelta = MINUTE
) -> list[CallStep]:
    """Return a service's calls in a period by step; steps without a known call are missing."""
    asked = {"service": service, "since": since, "until": until, "step": step.total_seconds()}
    rows = conn.execute(statement("chart_calls"), asked)
    return [
        CallStep(at, types, None if times is None else tuple(map(int, times)), at_least)
        for at, types, times, at_least in rows
    ]


def calls_known_until(conn: Connection) -> datetime | None:
    """Return until when calls are known: windows that ended before the last aggregation; None: there was none."""
    return heartbeats.last_tick(conn, AGGREGATION)


def breaker(conn: Connection, service: str, since: datetime) -> list[StateSpan]:
    """Return the states of a service's breakers from a moment on, the service's own first, each in order."""
    changes: dict[str | None, list[tuple[datetime, str]]] = {None: []}
    for endpoint, at, state, _ in conn.execute(statement("chart_breaker"), {"service": service, "since": since}):
        known = changes.setdefault(endpoint, [])
        if state is not None:
            known.append((at, state))
    begun = min((at for states in changes.values() for at, _ in states), default=None)  # nothing is known before
    for states in changes.values():
        if states and begun is not None and states[0][0] > begun and states is not changes[None]:
            states.insert(0, (begun, "closed"))  # an endpoint begins closed, without a change
    spans = []
    for endpoint, states in changes.items():
        ends: list[datetime | None] = [*(at for at, _ in states[1:]), None]
        for (at, state), until in zip(states, ends, strict=False):
            spans.append(StateSpan(endpoint, state, at, until))
    return spans

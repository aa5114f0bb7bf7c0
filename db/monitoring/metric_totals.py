"""Totals that only grow, each added to in the transaction that writes what it counts: nothing is counted twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from db.models.accounts import AccountState
from db.models.accounts import calcom_accounts as _accounts
from db.models.counts import counted_bookings as _counted
from db.models.counts import metric_totals as _totals
from db.models.resilience import alert_incidents
from db.monitoring import counts_now, heartbeats
from db.sql import statement

AGGREGATION = "aggregate_failure_metrics"  # its sign of life
Labels = tuple[str, ...]
Totals = Mapping[tuple[str, Labels], float]
"""By name and labels, in the order in which the names of the labels stand."""


class Total(StrEnum):
    """Name what is totalled, and by which labels; nothing ever deletes a total or lowers it.

    Those of a histogram have its buckets as one more label: 1 is that of the lowest bound.
    """

    ACCEPTED = "accepted"  # db/sql/count_minutes.sql, as all that has no other comment
    FINISHED = "finished"  # outcome
    RETRIES = "retries"
    RELEASED = "released"  # reason that held it
    RESCUED = "rescued"  # what: lease, and message (tasks/maintenance/sweeper.py)
    NOT_PERMITTED = "breaker_not_permitted"  # reason
    WAIT = "wait_seconds"
    WAIT_SUM = "wait_seconds_sum"
    TRANSITIONS = "breaker_transitions"  # name, to (breaker_events.py)
    FAILURES = "calcom_failures"  # endpoint, error type (tasks/maintenance/failure_metrics.py, as all below)
    REQUESTS = "calcom_request_seconds"  # endpoint, outcome
    REQUESTS_SUM = "calcom_request_seconds_sum"


@dataclass(frozen=True, slots=True)
class KeptFigures:
    """What is read for metrics alone, beside an overview."""

    totals: Totals | None
    """None: what happened before the first count is still being counted, and would look as if it happened now."""
    lag: float | None
    """Seconds by which the totals are late; None: nothing was counted yet."""
    unknown: int
    """Bookings whose outcome is unknown, up to a cap."""
    incidents: Mapping[str, int]
    """Open incidents that operators are notified of, by kind."""
    accounts: Mapping[AccountState, int]
    """How many accounts have a state."""


def add(conn: Connection, counts: Totals) -> None:
    """Add to totals, always in the same order, so that two transactions never deadlock."""
    rows = [
        {"name": name, "labels": list(labels), "value": value}
        for (name, labels), value in sorted(counts.items())
        if value
    ]
    if rows:
        change = insert(_totals).values(rows)
        more = _totals.c.value + change.excluded.value
        conn.execute(change.on_conflict_do_update(index_elements=["name", "labels"], set_={"value": more}))


def tick(conn: Connection, *, every: float) -> None:
    """Record that calls were aggregated, as they are every so many seconds."""
    heartbeats.tick(conn, AGGREGATION, every=every)


def read(conn: Connection, *, cap: int = 1000) -> KeptFigures:
    """Read them all: each statement costs the same however much there is."""
    until = conn.execute(select(_counted.c.counted_until)).scalar_one_or_none()
    totals = {(name, tuple(labels)): value for name, labels, value in conn.execute(select(_totals))}
    told = alert_incidents.c.closed_at.is_(None), alert_incidents.c.news > 0
    kinds = select(alert_incidents.c.kind, func.count()).where(*told).group_by(alert_incidents.c.kind)
    states = select(_accounts.c.state, func.count()).group_by(_accounts.c.state)
    return KeptFigures(
        totals=None if until is None else totals,
        lag=conn.execute(statement("counting_lag"), {"aggregation": AGGREGATION}).scalar_one(),
        unknown=counts_now.unknown(conn, cap=cap),
        incidents=dict(conn.execute(kinds).all()),
        accounts={AccountState(state): count for state, count in conn.execute(states).all()},
    )

"""Transitions of the breaker, one row each for the whole fleet, however often they are reported."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select
from sqlalchemy.dialects.postgresql import insert

from db.models.resilience import circuit_breaker_events as _events
from db.monitoring import metric_totals
from db.monitoring.metric_totals import Total
from db.sql import statement

OTHERS = "others"
"""The label of all services but the settings'."""
_ELSEWHERE = "c-"  # so their names begin (tasks/calcom/access.py)
BEGUN = "begun"  # the reason of a breaker that Redis had lost


@dataclass(frozen=True)
class OutageSpan:
    """When a breaker's last outage began (None: there was none), and when it ended (None: it goes on)."""

    began: datetime | None
    ended: datetime | None


def record_transitions(conn: Connection, rows: Sequence[dict[str, Any]]) -> int:
    """Record transitions (columns of `circuit_breaker_events`), and their totals; return how many were new.

    Where a service's breaker has begun again, those of its endpoints and accounts are closed with it. No metric's
    series grow with the accounts: the totals leave out the breaker of one account, and count those of all services but
    the settings' as one.
    """
    if not rows:
        return 0
    counts = Counter[tuple[str, tuple[str, ...]]]()
    for row in rows:
        if row["reason"] == BEGUN:
            begun = {"service": row["service"], "epoch": row["epoch"], "at": row["created_at"]}
            closed = conn.execute(statement("close_forgotten"), begun)
            counts.update(
                (Total.TRANSITIONS, (_label(row["service"], endpoint), new_state))
                for endpoint, new_state, account in closed
                if account is None
            )
    change = insert(_events).on_conflict_do_nothing(constraint="circuit_breaker_events_once")
    moved = _events.c.service, _events.c.endpoint, _events.c.new_state, _events.c.account_id
    new = conn.execute(change.returning(*moved), list(rows)).all()
    counts.update(
        (Total.TRANSITIONS, (_label(service, endpoint), new_state))
        for service, endpoint, new_state, account in new
        if account is None
    )
    metric_totals.add(conn, counts)
    return len(new)


def _label(service: str, endpoint: str | None) -> str:
    return OTHERS if service.startswith(_ELSEWHERE) else endpoint or service


def around(conn: Connection, correlation_id: str, since: datetime, met_open_at: datetime | None) -> list[Row[Any]]:
    """Return the transitions that a booking asked for at `since` brought about or waited through, oldest first.

    Of an outage that it met at `met_open_at`, when the breaker opened and when it closed.
    """
    caused = and_(_events.c.created_at >= since, _events.c.context["correlation_id"].astext == correlation_id)
    conditions = [caused]
    if met_open_at is not None:
        at, state, of_all = _events.c.created_at, _events.c.new_state, _events.c.account_id.is_(None)
        opened = select(_events.c.id).where(at <= met_open_at, state.in_(("open", "forced_open")), of_all)
        closed = select(_events.c.id).where(at > met_open_at, state == "closed", of_all)
        conditions.append(_events.c.id.in_(opened.order_by(at.desc()).limit(1).scalar_subquery()))
        conditions.append(_events.c.id.in_(closed.order_by(at).limit(1).scalar_subquery()))
    return list(conn.execute(select(_events).where(or_(*conditions)).order_by(_events.c.created_at, _events.c.id)))


def latest(conn: Connection, service: str, limit: int) -> list[Row[Any]]:
    """Return a service's last transitions, the newest first, without those of one account's breaker."""
    newest = (
        select(_events)
        .where(_events.c.service == service, _events.c.account_id.is_(None))
        .order_by(_events.c.created_at.desc(), _events.c.id.desc())
    )
    return list(conn.execute(newest.limit(limit)))


def last_outage(conn: Connection, service: str, endpoint: str | None = None) -> OutageSpan:
    """Return the last outage of a service's breaker, or of an endpoint's."""
    return OutageSpan(*conn.execute(statement("outage_times"), {"service": service, "endpoint": endpoint}).one())

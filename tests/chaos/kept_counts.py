"""Hold what is kept counted against a full count of bookings and events, figure by figure."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from db.monitoring.booking_minutes import WAIT_BOUNDS

Ask = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs a statement and returns its rows; all that is asked here is to be of one snapshot."""

_ENDS = ("confirmed", "rejected", "failed", "expired", "cancelled", "retrying")
_KEPT = """
    SELECT minute, accepted, confirmed, rejected, failed, expired, cancelled, retries
    FROM booking_minutes
    WHERE minute < ({until})
"""
_ACCEPTED = """
    SELECT date_trunc('minute', created_at), count(*) FROM appointments
    WHERE created_at < ({until})
    GROUP BY 1
"""
_EVENTS = """
    SELECT date_trunc('minute', created_at), kind FROM appointment_events
    WHERE created_at < ({until})
"""
_COUNTED = """
    SELECT event.kind, event.detail ->> 'held', CAST(extract(epoch FROM event.created_at - requested_at) AS float8)
    FROM appointment_events AS event JOIN appointments ON appointments.id = appointment_id
    WHERE event.id <= (SELECT event_id FROM counted_bookings)
"""
_WHOLE = "SELECT date_trunc('minute', counted_until) FROM counted_bookings"
_ALL = "SELECT CAST('infinity' AS timestamptz)"
_HELD_KEPT = "SELECT reason, count FROM held_now WHERE count > 0"
_HELD = "SELECT hold_reason, count(*) FROM appointments WHERE status = 'held' GROUP BY 1"

_TOTALS = """
    SELECT name, labels, value FROM metric_totals
    WHERE name IN (
        'accepted', 'retries', 'finished', 'released', 'wait_seconds', 'breaker_transitions', 'calcom_failures'
    )
"""
_MOVES = """
    SELECT CASE WHEN service LIKE 'c-%' THEN 'others' ELSE coalesce(endpoint, service) END, new_state, count(*)
    FROM circuit_breaker_events
    WHERE account_id IS NULL GROUP BY 1, 2
"""
_FAILURES = """
    SELECT coalesce(endpoint, 'any'), error_type, sum(count) FROM failure_metrics
    WHERE service = 'calcom' AND error_type <> 'none'
    GROUP BY 1, 2
"""

Figures = Counter[tuple[datetime, str]]


def miscounted(ask: Ask, *, over: bool = False) -> Iterator[str]:
    """Find minutes that are told as counted, and hold another figure than a full count has.

    `over`: nothing moves any more, and all that did is counted; so the last minute is compared, too.
    """
    until = _ALL if over else _WHOLE
    kept, full = _kept(ask, until), _full(ask, until)
    for minute, what in sorted(kept.keys() | full.keys()):
        if kept[minute, what] != full[minute, what]:
            yield f"{minute} {what}: kept {kept[minute, what]}, and there are {full[minute, what]}"
    yield from totalled_wrongly(ask)


def totalled_wrongly(ask: Ask) -> Iterator[str]:
    """Find totals that hold another figure than the rows that are written with them; none of which was pruned."""
    totals = {(name, tuple(labels)): value for name, labels, value in ask(_TOTALS)}
    rows = Counter[tuple[str, tuple[str, ...]]]()
    for _, accepted, *ended, retries in ask(_KEPT.format(until=_ALL)):
        rows["accepted", ()] += accepted
        rows["retries", ()] += retries
        rows.update({("finished", (end,)): count for end, count in zip(_ENDS, ended, strict=False)})
    for kind, held, waited in ask(_COUNTED):
        if kind == "pending" and held is not None:
            rows["released", (held,)] += 1
        if kind == "confirmed":
            rows["wait_seconds", (str(1 + bisect_left(WAIT_BOUNDS, waited)),)] += 1
    rows.update({("breaker_transitions", (name, state)): count for name, state, count in ask(_MOVES)})
    rows.update({("calcom_failures", (name, error)): count for name, error, count in ask(_FAILURES)})
    for one in sorted(totals.keys() | rows.keys()):
        if totals.get(one, 0) != rows[one]:
            yield f"total of {one}: {totals.get(one, 0)}, and the rows say {rows[one]}"


def held_wrongly(ask: Ask) -> Iterator[str]:
    """Find hold reasons of which the last health check has counted another figure than there is."""
    kept, full = dict(ask(_HELD_KEPT)), dict(ask(_HELD))
    for reason in sorted(kept.keys() | full.keys()):
        if kept.get(reason) != full.get(reason):
            yield f"held for {reason}: kept {kept.get(reason)}, and there are {full.get(reason)}"


def _kept(ask: Ask, until: str) -> Figures:
    found: Figures = Counter()
    for minute, accepted, *ended in ask(_KEPT.format(until=until)):
        found[minute, "accepted"] = accepted
        found.update({(minute, what): count for what, count in zip(_ENDS, ended, strict=True)})
    return found


def _full(ask: Ask, until: str) -> Figures:
    found: Figures = Counter({(minute, "accepted"): count for minute, count in ask(_ACCEPTED.format(until=until))})
    for minute, kind in ask(_EVENTS.format(until=until)):
        if kind in _ENDS:
            found[minute, kind] += 1
    return found

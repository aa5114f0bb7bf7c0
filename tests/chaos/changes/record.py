"""Read our changes, with the moment of each end, as their bookings' stories have it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg

from db.lifecycle import OVER
from tests.chaos.changes.books import Change

if TYPE_CHECKING:
    from datetime import datetime

ENDS = {f"change_{status}": str(status) for status in OVER}
_CHANGES = """
    SELECT id, appointment_id AS booking, status, hold_reason, from_uid, to_uid, to_seat_uid,
        from_seat_uid IS NOT NULL AS of_seat, requested_at AS asked,
        late_look_at IS NOT NULL AND late_looks = 0 AND status = ANY (%(over)s) AS looks,
        CASE kind WHEN 'reschedule' THEN {start} END AS wanted
    FROM booking_changes ORDER BY id
"""
START = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
_TOLD = """
    SELECT CAST(detail ->> 'change' AS bigint), kind, created_at FROM appointment_events
    WHERE kind LIKE 'change%' AND detail ? 'change' ORDER BY id
"""
_TWICE = """
    SELECT DISTINCT detail ->> 'uid' AS uid FROM appointment_events WHERE kind = 'change_needs_you' AND detail ? 'uid'
"""
_UNREAD = "SELECT id, appointment_id AS booking FROM change_wishes"


def changes(conn: psycopg.Connection[dict[str, Any]]) -> list[Change]:
    """Read every change; a client's wish that nobody has taken up yet is one, too."""
    asked: Any = _CHANGES.replace("{start}", START.format("start_at"))
    found = conn.execute(asked, {"over": [str(status) for status in OVER]}).fetchall()
    ends: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    told = set()
    for event in conn.execute(_TOLD).fetchall():
        number, kind, at = event.values()
        if kind in ENDS:
            ends[number].append((at, ENDS[kind]))
        elif kind == "change_needs_you":
            told.add(number)
    unread = [Change(**wish, status="not read") for wish in conn.execute(_UNREAD)]
    return [Change(**one, told=one["id"] in told, ends=tuple(ends[one["id"]])) for one in found] + unread


def told_twice(conn: psycopg.Connection[dict[str, Any]]) -> frozenset[str]:
    """Return the uids of which operators were told that they lived beside their booking."""
    return frozenset(one["uid"] for one in conn.execute(_TWICE))


def counted(all_of_them: Sequence[Change]) -> dict[str, dict[str, int]]:
    """Count the changes by what was wished and how they ended."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in all_of_them:
        end = f"held({one.hold_reason})" if one.hold_reason else one.status
        counts["cancel" if one.wanted is None else "move"][end] += 1
    return {what: dict(ended) for what, ended in counts.items()}

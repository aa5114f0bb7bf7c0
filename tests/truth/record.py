"""What PostgreSQL has at one moment, by statements of our own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from booking_client.states import HELD_BY
from db.changes.change import COLUMNS_SQL, BookingChange
from db.monitoring.status_queries import AT_RISK

_HELD = f"""
SELECT {HELD_BY} AS reason, count(*) AS count, min(held_at) AS oldest_held_at, min(requested_at) AS oldest_asked_at,
    min(start_at) AS first_start, min(hold_until) AS next_until,
    count(*) FILTER (WHERE start_at <= now() + make_interval(secs => %(near)s)) AS at_risk
FROM appointments WHERE status = 'held' GROUP BY 1
"""  # noqa: S608 - our own words
_STATES = "SELECT status, count(*) AS count, min(updated_at) AS oldest_at FROM appointments GROUP BY status"
_ENDED = """
SELECT status, count(*) AS count FROM appointments
WHERE status IN ('failed', 'expired') AND updated_at >= now() - interval '15 minutes' GROUP BY status
"""
_DAY = """
SELECT kind AS status, count(*) AS count FROM appointment_events
WHERE kind IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled') AND created_at >= now() - interval '1 day'
GROUP BY kind
"""
_CHANGES = """
SELECT endpoint, old_state AS old, new_state AS new, reason, context ->> 'by' AS by, context ->> 'why' AS why,
    created_at AS at
FROM circuit_breaker_events WHERE account_id IS NULL AND service = 'calcom' ORDER BY epoch DESC LIMIT 40
"""
_OVERRIDES = "SELECT mode, by, why, until, created_at AS at FROM breaker_overrides WHERE lifted_at IS NULL ORDER BY id"
_INCIDENTS = """
SELECT kind, coalesce(detail ->> 'present', split_part(message, E'\\n', 1)) AS title, opened_at, notified_at
FROM alert_incidents WHERE closed_at IS NULL AND news > 0 ORDER BY id DESC
"""
_ROWS = f"""
SELECT id, status, {HELD_BY} AS hold_reason, event_type_id, start_at, requested_at, held_at, hold_until,
    next_attempt_at, error_type, retry_count, outcome_unknown, looks, posts, cancel_requested, enqueued_at, updated_at,
    booked_start_at, hold_reason AS met, (SELECT name FROM calcom_accounts WHERE id = account_id) AS account
FROM appointments
"""  # noqa: S608 - the same
_ACCOUNTS = """
SELECT name, (
    SELECT count(*) FROM appointments
    WHERE account_id = account.id
        AND hold_reason IN ('breaker_open', 'throttled', 'paused', 'credentials', 'configuration')
) AS count
FROM calcom_accounts AS account
"""
_REFUSED = """
SELECT name FROM calcom_accounts JOIN breaker_overrides USING (key_fingerprint)
WHERE mode = 'credentials' AND lifted_at IS NULL
"""
_OPEN_CHANGES = """
SELECT status, count(*) AS count, min(requested_at) AS oldest_at FROM booking_changes
WHERE status IN ('waiting', 'pending', 'changing', 'retrying', 'held') GROUP BY status
"""
_CALLBACKS = """
SELECT count(*) FILTER (WHERE given_up_at IS NULL) AS waiting,
    count(given_up_at) FILTER (WHERE trouble IS DISTINCT FROM '410') AS "given up",
    min(created_at) FILTER (WHERE given_up_at IS NULL) AS oldest_at
FROM callbacks WHERE delivered_at IS NULL
"""
_HINTS = """
SELECT trigger, outcome, count(*) AS count FROM calcom_webhooks
WHERE received_at > now() - interval '1 day' GROUP BY trigger, outcome
"""
_TICKED = "SELECT ticked_at FROM heartbeats WHERE name = 'check_health'"
_WISHES = f"SELECT {COLUMNS_SQL} FROM booking_changes WHERE appointment_id = %(number)s"  # noqa: S608 - the same
_STORY = "SELECT kind, by, created_at AS at FROM appointment_events WHERE appointment_id = %(number)s"

Rows = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What PostgreSQL has at one moment."""

    held: Mapping[str, dict[str, Any]]
    states: Mapping[str, dict[str, Any]]
    ended: Mapping[str, int]
    day: Mapping[str, int]
    changes: Rows
    overrides: Rows
    incidents: Rows | None
    """None: the table is locked."""
    accounts: Mapping[str, int]
    """How many bookings of each account wait for a cause of its own, or in its line."""
    rows: Mapping[int, dict[str, Any]]
    ticked_at: datetime | None
    """When the last health check began."""
    story: Rows
    """The events of the booking whose page is open."""
    wishes: tuple[BookingChange, ...]
    """Its cancels and moves."""
    open_changes: Mapping[str | None, int] = field(default_factory=dict)
    """Cancels and moves that are not over, by state."""
    oldest_change_at: datetime | None = None
    callbacks: Mapping[str | None, int] = field(default_factory=dict)
    """Callbacks that wait, and those that were given up."""
    oldest_callback_at: datetime | None = None
    hints: Mapping[tuple[str, str | None], int] = field(default_factory=dict)
    """Cal.com's webhooks of the last day, by trigger and outcome."""

    refused: frozenset[str] = frozenset()
    """The accounts beside `default` whose keys Cal.com refuses."""

    @property
    def several(self) -> bool:
        """Return whether there are accounts beside `default`."""
        return len(self.accounts) > 1

    def there(self, *reasons: str) -> list[dict[str, Any]]:
        """Return what these reasons (none: all) hold at the settings' Cal.com, and for nothing of one account alone."""
        held = [row for row in self.rows.values() if row["status"] == "held"]
        if self.several:
            behind = {row["account"] for row in held if row["met"] == "breaker_open"}
            held = [row for row in held if row["account"] not in self.refused and self._waits_there(row, behind)]
        return [row for row in held if not reasons or row["hold_reason"] in reasons]

    def of_limit(self, account: str) -> int:
        """Return how many of an account wait for its limit."""
        own = [row for row in self.rows.values() if row["status"] == "held" and row["account"] == account]
        is_back = any(row["met"] == "breaker_open" for row in own) or self._is_down() or account in self.refused
        return 0 if is_back else sum(row["met"] == "throttled" for row in own)

    def _waits_there(self, row: dict[str, Any], behind: set[str]) -> bool:
        if row["met"] in {"unreachable", "settling"}:
            return True
        return row["met"] in {"breaker_open", "throttled"} and (row["account"] in behind or self._is_down())

    def _is_down(self) -> bool:
        newest = {one["endpoint"]: one["new"] for one in reversed(self.changes)}
        return any(newest.get(name) in {"open", "half_open", "forced_open"} for name in (None, "bookings.create"))

    def held_count(self, *reasons: str) -> int:
        """Return how many these reasons hold (none: all reasons)."""
        return sum(one["count"] for reason, one in self.held.items() if not reasons or reason in reasons)

    def at_risk(self, *reasons: str) -> int:
        """Return how many bookings that these reasons hold (none: all reasons) are at risk."""
        return sum(one["at_risk"] for reason, one in self.held.items() if not reasons or reason in reasons)


def read(conn: "psycopg.Connection[dict[str, Any]]", lead: float, number: int) -> Record:
    """Return what PostgreSQL has now; `lead` is HOLD_LEAD, in seconds, `number` a booking's id."""
    near = lead + AT_RISK
    changes = list(conn.execute(_OPEN_CHANGES))
    callbacks = dict(next(iter(conn.execute(_CALLBACKS))))
    return Record(
        open_changes={one["status"]: one["count"] for one in changes},
        oldest_change_at=min((one["oldest_at"] for one in changes), default=None),
        oldest_callback_at=callbacks.pop("oldest_at"),
        callbacks=callbacks,
        hints={(one["trigger"], one["outcome"]): one["count"] for one in conn.execute(_HINTS)},
        held={one["reason"]: one for one in conn.execute(_HELD, {"near": near})},
        states={one["status"]: one for one in conn.execute(_STATES)},
        ended={one["status"]: one["count"] for one in conn.execute(_ENDED)},
        day={one["status"]: one["count"] for one in conn.execute(_DAY)},
        changes=tuple(conn.execute(_CHANGES)),
        overrides=tuple(conn.execute(_OVERRIDES)),
        incidents=_incidents(conn),
        accounts={one["name"]: one["count"] for one in conn.execute(_ACCOUNTS)},
        ticked_at=next((one["ticked_at"] for one in conn.execute(_TICKED)), None),
        story=tuple(conn.execute(_STORY, {"number": number})),
        wishes=tuple(BookingChange.read(list(one.values())) for one in conn.execute(_WISHES, {"number": number})),
        rows={one["id"]: one for one in conn.execute(_ROWS)},
        refused=frozenset(one["name"] for one in conn.execute(_REFUSED)),
    )


def _incidents(conn: "psycopg.Connection[dict[str, Any]]") -> Rows | None:
    try:
        return tuple(conn.execute(_INCIDENTS))
    except psycopg.errors.LockNotAvailable:
        return None

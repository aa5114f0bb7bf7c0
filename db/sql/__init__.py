"""Statements that lock, one file each, under a comment that says why; loaded once."""

import re
from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text

from booking_client.insertion import EVENT_TYPE
from booking_client.states import HELD_BY

_NO_HOLD = "hold_reason = NULL, held_at = NULL, hold_until = NULL, held_for = NULL"
"""What each move out of held sets; a statement says /* no hold */ in its place."""

RELEASED = f"status = 'pending', {_NO_HOLD}, enqueued_at = now(), updated_at = now()"
"""What each release of a row sets."""


_EARLIER = """EXISTS (
        SELECT FROM /* rows */ AS earlier
        WHERE earlier.account_id = wanted.account_id AND earlier.status = 'held' AND earlier.hold_reason = /* reason */
            AND earlier.line_at < wanted.line_at
    )"""


def _behind(reason: str) -> str:
    asked = _EARLIER.replace("/* reason */", f"'{reason}'")
    return " OR ".join(asked.replace("/* rows */", table) for table in ("appointments", "booking_changes"))


_BACKLOG = f"""CASE
    WHEN :released OR posts > 0 OR outcome_unknown THEN NULL
    WHEN {_behind("breaker_open")} THEN 'breaker_open'
    WHEN {_behind("throttled")} THEN 'throttled'
END"""
"""What those wait for that are before a `wanted` row in its account's line; a claim says /* backlog */ in its place.

One that was let go has its place in the window, and one whose POST may have been done is looked for; all others wait
behind those before them.
"""

_LEAVING = """EXISTS (
            SELECT FROM booking_changes AS leaving
            WHERE (leaving.status = 'changing' OR leaving.outcome_unknown)
                AND leaving.from_seat_uid IS NOT NULL AND leaving.account_id = wanted.account_id
        )"""
"""Whether a seat of the account of a `wanted` row is being given up; a claim says /* leaving */ in its place.

seat_left.sql then says which: this much costs a claim nothing.
"""

_JUDGED = """often AS MATERIALIZED (
    SELECT what, id
    FROM (
        SELECT 'booking' AS what, id, status = 'booking' AS at_work, leases_lost, updated_at
        FROM appointments
        WHERE status IN ('booking', 'retrying') AND leases_lost > 0
        UNION ALL
        SELECT 'changing', id, status = 'changing', leases_lost, updated_at
        FROM booking_changes
        WHERE status IN ('changing', 'retrying') AND leases_lost > 0
    ) AS lost_before
    WHERE CASE
        WHEN at_work THEN leases_lost + 1 >= :suspect_at
        ELSE leases_lost >= :suspect_at AND updated_at > now() - make_interval(secs => :lease_seconds)
    END
),
judged AS (
    SELECT
        id,
        written_at,
        lease_ended_at,
        is_third AND NOT in_company AS is_suspect,
        CASE
            WHEN is_third AND in_company
            THEN row_number() OVER (PARTITION BY is_third ORDER BY id) % 2
            ELSE 0
        END AS turn
    FROM lost
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM often WHERE (often.what, often.id) <> (lost.what, lost.id)) AS in_company
    ) AS company
)"""
"""What `lost` leases say of each row; a statement says /* judged */ in its place.

Who loses the third one in a row alone is suspect. But bookings and changes that lose their third one together, within
the time of a lease, say something of their worker: it was killed while Cal.com hung, say. They go again in two groups,
two leases apart, so that the first is lost before the second begins, and so on: those that do kill their workers are
alone after a few times."""


_COUNTED = f"""account_id, hold_reason, ({HELD_BY}) AS reason, held_for = :unreadable AS is_unreadable,
    error_type = :missing_type AS is_missing, count(*) AS count,
    count(*) FILTER (WHERE start_at <= now() + make_interval(secs => :near_seconds)) AS at_risk,
    min(held_at) AS oldest_held_at, min(requested_at) AS oldest_requested_at, min(start_at) AS first_start,
    min(hold_until) AS next_until"""
"""What is counted of held bookings that are alike; held_causes.sql says /* counted */ in its place."""


@cache
def statement(name: str) -> TextClause:
    """Return the statement of `name`.sql, for SQLAlchemy.

    FileNotFoundError when there is no such file.
    """
    return text(written(name))


@cache
def prepared(name: str, columns: str = "") -> str:
    """Return the statement of `name`.sql, for `db.connection`: psycopg writes a parameter %(name)s.

    `columns` are the ones that it returns, where it says /* columns */.

    FileNotFoundError when there is no such file.
    """
    asked = re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", written(name).replace("%", "%%"))
    return asked.replace("/* columns */", columns)


def written(name: str) -> str:
    """Return the text of `name`.sql, parameters as :name.

    Without its comment, which the server need not read a thousand times a second.
    """
    lines = files(__name__).joinpath(f"{name}.sql").read_text("utf-8").splitlines()
    kept = "\n".join(line for line in lines if not line.startswith("--"))
    kept = kept.replace("/* event_type */", EVENT_TYPE).replace("/* no hold */", _NO_HOLD)
    kept = kept.replace("/* counted */", _COUNTED).replace("/* held by */", HELD_BY)
    return kept.replace("/* judged */", _JUDGED).replace("/* backlog */", _BACKLOG).replace("/* leaving */", _LEAVING)

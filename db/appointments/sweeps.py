"""The sweeper's statements about bookings alone: each locks what it moves; any number of processes may run it at once.

Rows that come back as pending or retrying count as enqueued: send them after the commit, or `mark_unsent` them
(db.queue.sweeps, which has what is the same for changes).
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from booking_client.states import DEFAULT_ACCOUNT
from db.appointments.appointment import COLUMNS_SQL, Appointment
from db.connection import fetch
from db.models.accounts import AccountPace
from db.sql import prepared, statement


class MissingType(NamedTuple):
    """An event type to look for: a booking that waits for it, and when it was last looked for (None: never)."""

    row: Appointment
    looked_before: datetime | None


def missing_type(conn: Connection, *, key: str, settings: str, account: int = DEFAULT_ACCOUNT) -> MissingType | None:
    """Take this minute's look for an event type that bookings of an account wait for; None: no look is due."""
    asked = {"account": account, "key": key, "settings": settings}
    found = conn.execute(statement("missing_type"), asked).mappings().one_or_none()
    return None if found is None else MissingType(Appointment.of(found), found["looked_before"])


def of_missing_type(conn: Connection, missing: MissingType, *, settings: str, limit: int) -> list[int]:
    """Return the ids of the bookings that go since their event type is found, the first in line first.

    All that wait for it; one, if a booking met "no such event type" since the look before.
    """
    asked = {
        "account": missing.row.account_id,
        "event_type": missing.row.event_type,
        "looked_before": missing.looked_before,
    }
    return list(conn.execute(statement("of_missing_type"), {**asked, "settings": settings, "limit": limit}).scalars())


class Requested(NamedTuple):
    """How many bookings an account has among those that `requested` takes up next."""

    pace: AccountPace
    rows: int


def requested_of(conn: Connection, limit: int) -> list[Requested]:
    """Count by account what `requested` takes up next."""
    rows = conn.execute(statement("requested_of"), {"limit": limit}).mappings()
    return [Requested(AccountPace.of(row), row["rows"]) for row in rows]


def requested(
    conn: Connection,
    limit: int,
    *,
    lead_seconds: float,
    blocked: Collection[int] = (),
    admitted: Mapping[int, int] | None = None,
) -> list[Appointment]:
    """Take up bookings that a client kept and nobody has published; return them in the order of the line.

    Pending, counted as enqueued now; or held at once: the breaker is `blocked` for their account, others of it wait, or
    of their account no more than so many are `admitted` now.
    """
    bounds = json.dumps(dict(admitted or {}))
    asked = {"limit": limit, "lead_seconds": lead_seconds, "blocked": list(blocked), "admitted": bounds}
    return [Appointment.read(row) for row in fetch(conn, prepared("requested", COLUMNS_SQL), asked)]


def expire(conn: Connection, *, lead_seconds: float, limit: int) -> list[Appointment]:
    """Move bookings whose start is within `lead_seconds` to expired, unless their outcome is unknown; return them."""
    return _rows(conn, "expire", lead_seconds=lead_seconds, limit=limit)


def never_known(conn: Connection, limit: int) -> list[Appointment]:
    """Move bookings that a blind key has held until a day after their slot to failed; return them."""
    return _rows(conn, "never_known", limit=limit)


def _rows(conn: Connection, name: str, **parameters: Any) -> list[Appointment]:
    return [Appointment.of(row) for row in conn.execute(statement(name), parameters).mappings()]

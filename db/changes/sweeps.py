"""The sweeper's and the release's statements for changes: each locks what it moves, as those of bookings do.

Rows that come back count as enqueued: send them after the commit, or `mark_unsent` them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, update

from booking_client.states import DEFAULT_ACCOUNT
from db.appointments.queue import Places
from db.changes.change import COLUMNS_SQL, BookingChange
from db.changes.moves import SENT_FOR
from db.connection import fetch
from db.models.changes import ChangeKind, booking_changes
from db.sql import prepared, statement

KINDS = tuple(ChangeKind)


def lost_leases(
    conn: Connection,
    limit: int,
    *,
    settle_seconds: float,
    ends_seconds: float,
    lease_seconds: float,
    suspect_after: int,
) -> list[BookingChange]:
    """Move changes whose lease ran out to retrying, their outcome unknown; as `db.appointments.lost_leases`."""
    times = {"settle_seconds": settle_seconds, "ends_seconds": ends_seconds, "lease_seconds": lease_seconds}
    return _rows(conn, "change_leases", limit=limit, suspect_at=suspect_after, **times)


def unsent(conn: Connection, limit: int, *, queue_empty: bool, patience_seconds: float) -> list[BookingChange]:
    """Take up changes whose message was never sent or is gone; as `db.appointments.unsent`."""
    return _rows(conn, "change_unsent", limit=limit, queue_empty=queue_empty, patience_seconds=patience_seconds)


def let_next_go(conn: Connection, limit: int = 100, *, left: Sequence[BookingChange] = ()) -> list[BookingChange]:
    """Move waiting changes on whose turn has come; return what is to be sent, and what these turned away that `left`.

    A change has left its uid when it is not at work any more, and its outcome is known.
    """
    asked = {
        "limit": limit,
        "services": [one.service for one in left],
        "uids": [one.from_uid for one in left],
        "left": [one.id for one in left],
    }
    return [BookingChange.read(row) for row in fetch(conn, prepared("change_next", COLUMNS_SQL), asked)]


def suspects_due(conn: Connection, limit: int, *, again_seconds: float) -> list[BookingChange]:
    """Return suspect changes that are to be looked for now; as `db.appointments.sweeps.suspects_due`."""
    return _rows(conn, "change_suspects", limit=limit, again_seconds=again_seconds)


def release_due(
    conn: Connection,
    *,
    key: str,
    settings: str,
    limit: int,
    key_works: bool,
    settings_work: bool,
    account: int = DEFAULT_ACCOUNT,
) -> list[BookingChange]:
    """Move held changes to pending whose time has come or whose cause is gone; as `db.appointments.release_due`."""
    works = {"key_works": key_works, "settings_work": settings_work}
    return _rows(conn, "change_due", account=account, key=key, settings=settings, limit=limit, **works)


def in_line_of(
    conn: Connection, accounts: Sequence[int], limit: int, *, postable: bool, kinds: Sequence[ChangeKind] = KINDS
) -> Places:
    """Return the first changes of each account's line, each with its place, as `db.appointments.queue.waiting_of`.

    Those of these `kinds` alone.
    """
    asked = {"accounts": list(accounts), "limit": limit, "postable": postable, "kinds": list(kinds)}
    places: Places = {number: [] for number in accounts}
    for account, change_id, place in conn.execute(statement("change_line"), asked):
        places[account].append((change_id, place))
    return places


def release_these(conn: Connection, ids: Sequence[int]) -> list[BookingChange]:
    """Move these from held to pending, those excepted that have moved on."""
    return _rows(conn, "change_release", ids=list(ids)) if ids else []


def expire(conn: Connection, *, lead_seconds: float, limit: int) -> list[BookingChange]:
    """Move reschedules whose wanted start is within `lead_seconds` to expired; return them."""
    return _rows(conn, "change_expire", lead_seconds=lead_seconds, limit=limit)


def mark_unsent(conn: Connection, ids: Iterable[int]) -> None:
    """Take back that these changes were enqueued, so that `unsent` finds them at once."""
    table = booking_changes.c
    waits = table.id.in_(list(ids)), table.status.in_(SENT_FOR)
    conn.execute(update(booking_changes).where(*waits).values(enqueued_at=None))


def _rows(conn: Connection, name: str, **parameters: Any) -> list[BookingChange]:
    return [BookingChange.of(row) for row in conn.execute(statement(name), parameters).mappings()]

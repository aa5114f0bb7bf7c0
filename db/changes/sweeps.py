"""The statements that changes alone have: whose turn it is, and which are too late; each locks what it moves.

Rows that come back count as enqueued: send them after the commit, or `mark_unsent` them (db.queue.sweeps).
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from db.appointments.queue import Places
from db.changes.change import COLUMNS_SQL, BookingChange
from db.connection import fetch
from db.models.changes import ChangeKind
from db.sql import prepared, statement

KINDS = tuple(ChangeKind)


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


def expire(conn: Connection, *, lead_seconds: float, limit: int) -> list[BookingChange]:
    """Move reschedules whose wanted start is within `lead_seconds` to expired; return them."""
    found = conn.execute(statement("change_expire"), {"lead_seconds": lead_seconds, "limit": limit}).mappings()
    return [BookingChange.of(row) for row in found]

"""Each account's queue of bookings that wait for the breaker or the rate limit, and how they leave it, in order."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from booking_client.states import DEFAULT_ACCOUNT
from db.lifecycle import HoldReason
from db.models.accounts import AccountPace
from db.models.bookings import appointments
from db.sql import statement

PACED = (HoldReason.BREAKER_OPEN, HoldReason.THROTTLED)
QUEUED = (*PACED, HoldReason.IN_LINE)
"""The reasons of all that is in the queue, as they are shown."""
Places = dict[int, list[tuple[int, datetime]]]
"""By account the ids of what is in its line, in their order, each with its place."""


def waiting(conn: Connection, limit: int, *, postable: bool) -> list[tuple[int, datetime]]:
    """Return the first of account 1's queue, as `waiting_of` does for each of several accounts."""
    return waiting_of(conn, (DEFAULT_ACCOUNT,), limit, postable=postable)[DEFAULT_ACCOUNT]


def waiting_of(conn: Connection, accounts: Sequence[int], limit: int, *, postable: bool) -> Places:
    """Return the ids at the head of each account's queue, at most `limit` of each, the accounts in the order given.

    With each id comes its place. Their order is not always that of their places: see waiting.sql. `postable` leaves out
    those that need a look first.
    """
    asked = {"accounts": list(accounts), "limit": limit, "postable": postable}
    places: Places = {number: [] for number in accounts}
    for account, booking_id, place in conn.execute(statement("waiting"), asked):
        places[account].append((booking_id, place))
    return places


def asked_before(conn: Connection, appointment_id: int, most: int = 99) -> int:
    """Return how many who asked for a booking's time before are on the way to it, `most` of them at most."""
    row = appointments.c
    count = func.asked_before(row.id, row.start_at, row.line_at, most)
    return int(conn.execute(select(count).where(row.id == appointment_id)).scalar_one())


def in_line(conn: Connection, *, after: int, limit: int, service: str | None = None) -> list[AccountPace]:
    """Return the accounts but those up to `after` that are not paused and whose line is not empty, by number.

    Those of one service, or of all (None).
    """
    rows = conn.execute(statement("in_line"), {"after": after, "limit": limit, "service": service}).mappings()
    return [AccountPace.of(row) for row in rows]

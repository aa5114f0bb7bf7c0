"""The line of each account: its bookings and its changes together, by place, as the release window calls them."""

from collections.abc import Sequence
from heapq import merge
from operator import itemgetter

from sqlalchemy import Connection

from booking_client.states import DEFAULT_ACCOUNT
from db.appointments import queue
from db.changes import sweeps as changes
from db.models.changes import ChangeKind
from db.queue.items import item
from db.queue.kinds import BOOKINGS, CHANGES

Line = dict[int, list[str]]
"""By account the items at the head of its line, in their order."""


def line_of(
    conn: Connection, accounts: Sequence[int], limit: int, *, postable: bool, bookings_only: bool = False
) -> Line:
    """Return what is at the head of each account's line, at most `limit` of each, the accounts in the order given.

    `postable` leaves out what cannot be the probe: what needs a look first, and each reschedule. `bookings_only`: the
    changes go by their own endpoints.
    """
    bookings = queue.waiting_of(conn, accounts, limit, postable=postable)
    kinds = () if bookings_only else changes.KINDS
    moves = changes.in_line_of(conn, accounts, limit, postable=postable, kinds=kinds)
    line: Line = {}
    for account in accounts:
        own = [(place, item(BOOKINGS, one)) for one, place in bookings[account]]
        changed = [(place, item(CHANGES, one)) for one, place in moves[account]]
        line[account] = [one for _, one in merge(own, changed, key=itemgetter(0))][:limit]
    return line


def first_line(conn: Connection, limit: int, *, postable: bool, bookings_only: bool = False) -> list[str]:
    """Return what is at the head of account 1's line, as `line_of` does."""
    line = line_of(conn, (DEFAULT_ACCOUNT,), limit, postable=postable, bookings_only=bookings_only)
    return line[DEFAULT_ACCOUNT]


def changes_of(conn: Connection, account: int, kind: ChangeKind, limit: int) -> list[str]:
    """Return the changes of a kind at the head of an account's line."""
    places = changes.in_line_of(conn, (account,), limit, postable=False, kinds=(kind,))
    return [item(CHANGES, one) for one, _ in places[account]]

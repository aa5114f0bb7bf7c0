"""What a caller of the HTTP API reads: its own bookings, unless its key sees all of its account.

Each function has the caller's patience; a booking of another key is as one that is not there.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from db.api_keys.keys import ApiKey
from db.appointments import views
from db.appointments.views import BookingName, BookingView, OwnFilters, OwnPage
from resilience.exceptions import AppointmentDatabaseException
from tasks.callers.connection import caller_connection

MOST_FOUND = 20


def view(key: ApiKey, named: BookingName) -> BookingView | None:
    """Return a booking; None: there is none of this name that the key may see."""
    with caller_connection() as conn:
        return views.seen_by(conn, [(key.sees_bookings_of, key.account_id, named)])[0]


def with_their_ends(told: Sequence[BookingView]) -> list[BookingView]:
    """Return views that were made of receipts with what only a row holds: its uid, and why it was rejected.

    A view whose booking has moved since is the row's; the others keep their start, which may be newer than the row's.
    While Postgres does not answer they stay as they are: what they tell of is stored.
    """
    over = [view.id for view in told if view.final]
    try:
        rows = {row.id: row for row in views_of_all(over)} if over else {}
    except AppointmentDatabaseException:
        return list(told)
    return [_with_its_end(view, rows.get(view.id)) for view in told]


def _with_its_end(told: BookingView, row: BookingView | None) -> BookingView:
    if row is None:
        return told
    return replace(told, error_type=row.error_type, uid=row.uid) if row.status is told.status else row


def view_by_key(key: ApiKey, idempotency_key: str) -> BookingView | None:
    """Return the newest booking that the key asked for with an idempotency key; None: there is none."""
    with caller_connection() as conn:
        return views.by_key(conn, idempotency_key, key.id, key.account)


def minutes(told: BookingView) -> int | None:
    """Return how long a booking is; None: neither its request nor a reading of its event type says it."""
    with caller_connection() as conn:
        return views.minutes(conn, told.id)


def known_keys(key: ApiKey, idempotency_keys: Collection[str]) -> set[str]:
    """Return which of these idempotency keys the key has asked for a booking with."""
    with caller_connection() as conn:
        return views.known_keys(conn, idempotency_keys, key.id)


def views_of_all(ids: Collection[int]) -> list[BookingView]:
    """Return the bookings of these ids, of any keys: for callers who wait, each of whom has been let in already."""
    with caller_connection() as conn:
        return views.by_ids(conn, ids, of_key=None)


def own(key: ApiKey, filters: OwnFilters) -> OwnPage:
    """Return a page of the bookings that the key itself has asked for, the newest first; also if it sees all."""
    with caller_connection() as conn:
        return views.of_key(conn, key.id, filters)


def find(
    key: ApiKey,
    *,
    email: str | None,
    phone: str | None,
    starts: tuple[datetime, datetime],
    moved_too: bool = False,
) -> list[BookingView]:
    """Return the bookings of a person that start in a period, MOST_FOUND of them at most, the earliest first.

    `moved_too`: also those that were asked for in this period, and have been moved since.
    """
    with caller_connection() as conn:
        return views.of_person(
            conn,
            email=email,
            phone=phone,
            starts=starts,
            of_key=key.sees_bookings_of,
            account=key.account_id,
            limit=MOST_FOUND,
            moved_too=moved_too,
        )

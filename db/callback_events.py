"""What callbacks said, for their callers to read: from a cursor on, so that none is missed that commits late."""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from booking_client.cursors import Place, cut
from db.callbacks import Callback
from db.connection import fetch
from db.sql import prepared

_OF_BOOKING = frozenset({"time_zone", "language"})
_OF_KEY = frozenset({"secret_version"})  # nothing is signed here
_OWN = tuple(name for name in Callback.__dataclass_fields__ if name not in _OF_BOOKING | _OF_KEY)
_FIELDS = (*_OWN, "time_zone", "language")


class EventPage(NamedTuple):
    """Hold callbacks in the order of their transactions, and the cursor after them."""

    events: list[Callback]
    cursor: str


def events_since(conn: Connection, api_key_id: int, cursor: str | None, limit: int) -> EventPage:
    """Return the callbacks of an API key since a cursor (None: all that are kept), the first `limit` of them.

    Raises:
        ValueError: The cursor is none.
    """
    place = Place.read(cursor)
    asked = prepared("callback_events", ", ".join(f"callback.{name}" for name in _OWN))
    while True:
        given = {"since": place.since, "until": place.until, "xid": str(place.xid), "event": place.event}
        rows = fetch(conn, asked, {**given, "api_key": api_key_id, "limit": limit})
        until, xid, number = rows[-1][:3]
        if number is not None:
            return EventPage([_callback(row) for row in rows], str(Place(place.since, until, int(xid), number)))
        if place.until is None:
            return EventPage([], place.since or cut(until, 0))
        place = place.after()


def _callback(row: tuple[Any, ...]) -> Callback:
    return Callback(secret_version=0, **dict(zip(_FIELDS, row[2:], strict=True)))

"""What has settled since a cursor: each end of a booking, and none is missed that commits late.

A cursor holds PostgreSQL's snapshot: what that did not see, and today's does, has settled since, in whatever order
transactions began. While a page is read it also holds the page's own snapshot and the last end that was read.
A snapshot counts as seen every transaction that is over. If one was rolled back and is on no disk yet, a crash of
PostgreSQL forgets it, and gives its number to another one. So it is cut after the last end, which is on disk.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from booking_client.database.statements import Query, Steps, load
from booking_client.receipts import Outcome, outcome_columns

LIMIT = 1_000
CHANNEL = "booking_settled"
_SNAPSHOT = r"\d+:\d+:[\d,]*"
_CURSOR = rf"{_SNAPSHOT}|({_SNAPSHOT})?/{_SNAPSHOT}/\d+/\d+"


@dataclass(frozen=True, slots=True)
class SettledBooking:
    """Hold a booking that has settled, and the cursor after it."""

    outcome: Outcome
    cursor: str


class _Place(NamedTuple):
    since: str | None  # a snapshot; None: from the beginning
    until: str | None = None  # that of the page
    xid: int = 0
    event: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> "_Place":
        if cursor and not (isinstance(cursor, str) and re.fullmatch(_CURSOR, cursor, re.ASCII)):
            raise ValueError("this is no cursor: give one that `cursor()` or a settled booking has, or None")
        since, *page = (cursor or "").split("/")
        if not page:
            return cls(since or None)
        until, xid, event = page
        return cls(since or None, until, int(xid), int(event))

    def after(self) -> "_Place":
        """Return the place of the next page, once this one is read: it begins where its snapshot ends."""
        last = int(self.since.split(":")[1]) - 1 if self.since else 0
        return _Place(_cut(str(self.until), max(last, self.xid)))

    def __str__(self) -> str:
        return f"{self.since or ''}/{self.until}/{self.xid}/{self.event}"


def has_its_own_session(backend: int) -> Steps[bool]:
    """Return whether a connection whose backend is said to be `backend` has a session of its own.

    A pooler lends it one, and numbers it otherwise. That session's notifications go to its next user, in whose memory
    they stay unread.
    """
    [[number]] = yield Query("SELECT pg_backend_pid()", {})
    return int(number) == backend


def cursor_now(schema: str | None) -> Steps[str]:
    """Return the cursor of this moment."""
    [[now, last]] = yield Query(load("cursor_now", schema), {})
    return _cut(now, int(last))


def settled_since(cursor: str | None, schema: str | None, limit: int = LIMIT) -> Steps[list[SettledBooking]]:
    """Return what has settled since a cursor (None: all that is kept), the first `limit` of it.

    A booking that settled twice may come twice; it always comes as it stands now.
    """
    place = _Place.read(cursor)
    while True:
        asked = {"since": place.since, "until": place.until, "xid": str(place.xid), "event": place.event}
        rows = yield Query(load("settled_since", schema, outcome_columns()), {**asked, "limit": limit})
        until = rows[0][0]
        found = [
            SettledBooking(Outcome.read(outcome), str(_Place(place.since, until, int(xid), event)))
            for _, xid, event, *outcome in rows
            if event is not None
        ]
        if found or place.until is None:
            return found
        place = place.after()


def _cut(snapshot: str, last: int) -> str:
    """Return a snapshot that counts nothing after the transaction `last` as seen."""
    xmin, xmax, running = snapshot.split(":")
    end = min(int(xmax), last + 1)
    return f"{min(int(xmin), end)}:{end}:{','.join(one for one in running.split(',') if one and int(one) < end)}"

"""What has settled since a cursor: each end of a booking, and none is missed that commits late.

A cursor holds PostgreSQL's snapshot: what that did not see, and today's does, has settled since, in whatever order
transactions began. While a page is read it also holds the page's own snapshot and the last end that was read.
"""

from dataclasses import dataclass
from typing import NamedTuple

from booking_client.database.statements import Query, Steps, load
from booking_client.receipts import OUTCOME_COLUMNS, Outcome

LIMIT = 1_000
CHANNEL = "booking_settled"
_COLUMNS = ", ".join(f"appointment.{name}" for name in OUTCOME_COLUMNS)


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
        since, *page = (cursor or "").split("/")
        if not page:
            return cls(since or None)
        until, xid, event = page
        return cls(since or None, until, int(xid), int(event))

    def __str__(self) -> str:
        return f"{self.since or ''}/{self.until}/{self.xid}/{self.event}"


def cursor_now() -> Steps[str]:
    """Return the cursor of this moment."""
    [[now]] = yield Query("SELECT CAST(pg_current_snapshot() AS text)", {})
    return str(now)


def settled_since(cursor: str | None, schema: str | None, limit: int = LIMIT) -> Steps[list[SettledBooking]]:
    """Return what has settled since a cursor (None: all that is kept), the first `limit` of it.

    A booking that settled twice may come twice; it always comes as it stands now.
    """
    place = _Place.read(cursor)
    while True:
        asked = {"since": place.since, "until": place.until, "xid": str(place.xid), "event": place.event}
        rows = yield Query(load("settled_since", schema, _COLUMNS), {**asked, "limit": limit})
        until = rows[0][0]
        found = [
            SettledBooking(Outcome.read(outcome), str(_Place(place.since, until, int(xid), event)))
            for _, xid, event, *outcome in rows
            if event is not None
        ]
        if found or place.until is None:
            return found
        place = _Place(place.until)  # the page is read: the next one begins where its snapshot ends

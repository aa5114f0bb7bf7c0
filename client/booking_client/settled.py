"""What has settled since a cursor: each end of a booking, and none is missed that commits late."""

from dataclasses import dataclass

from booking_client.cursors import Place, cut
from booking_client.database.statements import Query, Steps, load
from booking_client.receipts import Outcome, outcome_columns

LIMIT = 1_000
CHANNEL = "booking_settled"


@dataclass(frozen=True, slots=True)
class SettledBooking:
    """Hold a booking that has settled, and the cursor after it."""

    outcome: Outcome
    cursor: str


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
    return cut(now, int(last))


def settled_since(cursor: str | None, schema: str | None, limit: int = LIMIT) -> Steps[list[SettledBooking]]:
    """Return what has settled since a cursor (None: all that is kept), the first `limit` of it.

    A booking that settled twice may come twice; it always comes as it stands now.
    """
    place = Place.read(cursor)
    while True:
        asked = {"since": place.since, "until": place.until, "xid": str(place.xid), "event": place.event}
        rows = yield Query(load("settled_since", schema, outcome_columns()), {**asked, "limit": limit})
        until = rows[0][0]
        found = [
            SettledBooking(Outcome.read(outcome), str(Place(place.since, until, int(xid), event)))
            for _, xid, event, *outcome in rows
            if event is not None
        ]
        if found or place.until is None:
            return found
        place = place.after()

"""What is searched: each kind of booking with the wishes that may meet, and what may happen from outside."""

from collections.abc import Mapping
from types import MappingProxyType

from db.models.changes import SeriesScope
from tests.model.changes.calcom import Deal
from tests.model.changes.state import LAST, OLD, OTHER, OVER, WANTED, Change, Place

ONE = (Place(OLD),)
PENDING = (Place(OLD, "pending"),)
SHARED = (Place(OLD), Place(OLD, who=1))
SERIES = (Place(OVER), Place(OLD, booking=1), Place(OTHER, booking=2))
WEEKS = (Place(OLD), Place(OTHER, booking=1))
THREE = (*WEEKS, Place(LAST, booking=2))
CANCEL, MOVE = (Change(0, None),), (Change(0, WANTED),)
LATER = Change(0, None, asked=False)
OTHERWISE = Change(0, OTHER, asked=False)
HOSTS = frozenset({"moves", "cancels"})

_DEALS = {
    "plain, cancel": Deal("plain", ONE, CANCEL, fates=HOSTS),
    "plain, cancel, lag": Deal("plain", ONE, CANCEL, lag=True, count=0),
    "plain, cancel, over": Deal("plain", (Place(OVER),), CANCEL, count=0),
    "plain, cancel, booked just now": Deal("plain", ONE, CANCEL, lag=True, count=0, new=True),
    "plain, move, booked just now": Deal("plain", ONE, MOVE, lag=True, count=0, new=True),
    "plain, move": Deal("plain", ONE, MOVE, fates=HOSTS | {"takes"}),
    "plain, move, lag": Deal("plain", ONE, MOVE, lag=True, count=0),
    "plain, cancel, lag, hosts": Deal("plain", ONE, CANCEL, lag=True, fates=HOSTS),
    "plain, move, lag, hosts": Deal("plain", ONE, MOVE, lag=True, fates=HOSTS | {"takes"}),
    "plain, move and cancel, hosts": Deal("plain", ONE, (*MOVE, LATER), fates=HOSTS),
    "plain, move, no sight": Deal("plain", ONE, MOVE, fates=HOSTS, sight=False),
    "plain, move and cancel": Deal("plain", ONE, (*MOVE, LATER), count=0),
    "plain, move and cancel, lag": Deal("plain", ONE, (*MOVE, LATER), lag=True, count=0),
    "plain, two moves": Deal("plain", ONE, (*MOVE, OTHERWISE), count=0),
    "plain, two moves, lag": Deal("plain", ONE, (*MOVE, OTHERWISE), lag=True, count=0),
    "plain, move, split": Deal("plain", ONE, MOVE, count=0, splits=True),
    "plain, move, split, lag": Deal("plain", ONE, MOVE, lag=True, count=0, splits=True),
    "plain, move, split, hosts": Deal("plain", ONE, MOVE, fates=HOSTS | {"takes"}, splits=True),
    "plain, move, split, no sight": Deal("plain", ONE, MOVE, fates=HOSTS, sight=False, splits=True),
    "plain, move and cancel, split": Deal("plain", ONE, (*MOVE, LATER), count=0, splits=True),
    "plain, two moves, split": Deal("plain", ONE, (*MOVE, OTHERWISE), count=0, splits=True),
    "round robin, move, split": Deal("round robin", ONE, MOVE, fates=HOSTS, splits=True),
    "round robin, move, split, no sight": Deal("round robin", ONE, MOVE, fates=HOSTS, sight=False, splits=True),
    "round robin, move": Deal("round robin", ONE, MOVE, fates=HOSTS),
    "round robin, move, lag": Deal("round robin", ONE, MOVE, lag=True, count=0),
    "round robin, move, lag, hosts": Deal("round robin", ONE, MOVE, lag=True, fates=HOSTS),
    "round robin, move, his other booking": Deal("round robin", (*ONE, Place(WANTED, who=1, booking=1)), MOVE, count=0),
    "confirmation, cancel": Deal("confirmation", PENDING, CANCEL, fates=HOSTS | {"declines"}, column=True),
    "confirmation, move": Deal("confirmation", PENDING, MOVE, fates=HOSTS | {"declines"}, column=True),
    "confirmation, move, split": Deal(
        "confirmation", PENDING, MOVE, fates=HOSTS | {"declines", "confirms"}, column=True, splits=True
    ),
    "confirmation, move, split, no sight": Deal(
        "confirmation", PENDING, MOVE, fates=frozenset({"confirms"}), column=True, sight=False, splits=True
    ),
    "confirmation, move, lag": Deal("confirmation", PENDING, MOVE, lag=True, count=0, column=None),
    "seats, cancel": Deal("seats", ONE, CANCEL, fates=HOSTS),
    "seats, cancel, lag": Deal("seats", SHARED, CANCEL, lag=True, count=0),
    "seats, move": Deal("seats", ONE, MOVE, fates=frozenset({"lost", "cancels"})),
    "seats, move, no sight": Deal("seats", ONE, MOVE, fates=frozenset({"lost"}), sight=False),
    "seats, move into a booking": Deal("seats", (*ONE, Place(WANTED, who=1, booking=1)), MOVE, count=0),
    "seats, move into a booking, lag": Deal("seats", (*ONE, Place(WANTED, who=1, booking=1)), MOVE, lag=True, count=0),
    "seats, move, lag": Deal("seats", ONE, MOVE, lag=True, fates=frozenset({"lost"})),
    "seats, move and cancel, lag": Deal("seats", ONE, (*MOVE, LATER), lag=True, fates=frozenset({"lost"})),
    "seats, move, hosts": Deal("seats", ONE, MOVE, fates=HOSTS),
    "seats, two cancels": Deal("seats", SHARED, (*CANCEL, Change(1, None)), count=0),
    "seats, cancel and move": Deal("seats", SHARED, (*CANCEL, Change(1, WANTED)), count=0),
    "series, cancel": Deal("series", SERIES, CANCEL, fates=HOSTS),
    "series, cancel, lag, hosts": Deal("series", SERIES, CANCEL, lag=True, fates=HOSTS),
    "series, cancel, lag": Deal("series", SERIES, CANCEL, lag=True, count=0),
    "series, one week": Deal("series", SERIES, CANCEL, fates=HOSTS, scope=SeriesScope.ONE),
    "series, one week, lag": Deal("series", SERIES, CANCEL, lag=True, count=0, scope=SeriesScope.ONE),
    "series, one week, lag, hosts": Deal("series", WEEKS, CANCEL, lag=True, fates=HOSTS, scope=SeriesScope.ONE),
    "series, the last week, hosts": Deal(
        "series", WEEKS, CANCEL, fates=frozenset({"moves there"}), scope=SeriesScope.ONE, week=OTHER
    ),
    "series, from a week on": Deal("series", WEEKS, CANCEL, fates=HOSTS, scope=SeriesScope.FOLLOWING, week=OTHER),
    "series, from a week on, lag, hosts": Deal(
        "series", THREE, CANCEL, lag=True, fates=HOSTS, scope=SeriesScope.FOLLOWING, week=OTHER
    ),
    "series, from a week on, moved before": Deal(
        "series", THREE, CANCEL, fates=frozenset({"moves before"}), scope=SeriesScope.FOLLOWING, week=OTHER
    ),
    "series, a week that has begun": Deal("series", SERIES, CANCEL, count=0, scope=SeriesScope.ONE, week=OVER),
    "series, no such week": Deal("series", SERIES, CANCEL, count=0, scope=SeriesScope.ONE, week=WANTED),
}
DEALS: Mapping[str, Deal] = MappingProxyType(_DEALS)
MANY_STATES = frozenset(
    {
        "plain, move and cancel, hosts",
        "plain, move and cancel, lag",
        "plain, two moves, lag",
        "seats, move and cancel, lag",
    }
)
"""Deals that take a minute or so: `make breakages` searches them, `make test` leaves them out."""

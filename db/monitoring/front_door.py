"""What waits at the front door: open changes, callbacks, Cal.com's webhooks.

Each read costs the same however much is stored: it reads at most CAP rows, by an index.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Subquery, and_, func, literal_column, select, true

from db.lifecycle import OVER, ChangeStatus
from db.models.api_keys import api_keys as _keys
from db.models.calcom import calcom_webhooks as _hints
from db.models.callbacks import callbacks as _callbacks
from db.models.changes import booking_changes as _changes
from db.sql import statement

CAP = 1000
"""So many of a kind are counted one by one, the oldest first; of webhooks the newest."""
WEBHOOK_ADD, WEBHOOK_REMOVE = "webhook_add", "webhook_remove"  # as operators' actions are recorded
DAY = timedelta(days=1)
FIRST = 20
"""So many bookings with callbacks that were given up are named."""

_NOT_TAKEN = 4  # times that a callback is given out before nobody is there to send it: three leases have ended

_given_up = and_(
    _callbacks.c.delivered_at.is_(None),
    _callbacks.c.given_up_at.is_not(None),
    _callbacks.c.trouble.is_distinct_from(literal_column("'410'")),  # the receiver wants none; as the index has it
    _callbacks.c.trouble.is_distinct_from(literal_column("'dropped'")),  # an operator lets it be; as the index has it
    _callbacks.c.url != literal_column("''"),  # that of a forgotten booking
)
_waits = and_(_callbacks.c.delivered_at.is_(None), _callbacks.c.given_up_at.is_(None))


@dataclass(frozen=True, slots=True)
class OpenChanges:
    """Cancels and moves of one state that are not over."""

    state: ChangeStatus
    count: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class OpenCallbacks:
    """Callbacks that are not delivered: those that wait, and those that were given up and not sent again since.

    What a receiver wants no more (410), what an operator lets be, and what a forgotten booking had to tell, is not
    among these.
    """

    waiting: int = 0
    oldest_at: datetime | None = None
    """When the oldest that waits was written; None: none waits."""
    given_up: int = 0
    first_given_up_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HintCount:
    """Webhooks of one trigger in the last 24 hours with one outcome (None: Cal.com is still to be asked)."""

    trigger: str
    outcome: str | None
    count: int


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """What waits at the front door now; each kind is counted up to CAP."""

    changes: tuple[OpenChanges, ...] = ()
    """By state, the state with the oldest change first; a state without one is missing."""
    callbacks: OpenCallbacks = field(default_factory=OpenCallbacks)
    hints: tuple[HintCount, ...] = ()
    """By trigger and outcome, each in the order of its name."""

    @property
    def oldest_change_at(self) -> datetime | None:
        """Return when the oldest open change was asked for; None: no change is open."""
        return min((one.oldest_at for one in self.changes), default=None)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Callbacks that were given up and not sent again: how many, up to CAP, the first bookings, each with its own."""

    count: int
    bookings: list[int]
    callbacks: dict[int, int]


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Callbacks that no worker takes: how many, up to CAP, and when the oldest of them was written."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class CallbackTroubles:
    """Why callbacks do not arrive: `keys_off` are the keys in force whose address answered 410, by name."""

    given_up: GivenUp
    not_taken: NotTaken
    keys_off: list[str]


@dataclass(frozen=True, slots=True)
class SilentAccount:
    """An account whose webhook was silent for a day; `last_at` None: no webhook of it is stored."""

    id: int
    name: str
    last_at: datetime | None
    bookings: int
    """Confirmed bookings of the day that must have brought one, of the newest CAP of the fleet."""


def read(conn: Connection, now: datetime, *, cap: int = CAP) -> FrontDoor:
    """Read what waits at the front door; `now` is the database's time."""
    return FrontDoor(tuple(_open_changes(conn, cap)), _open_callbacks(conn, cap), tuple(_hint_counts(conn, now, cap)))


def callback_troubles(conn: Connection, *, cap: int = CAP) -> CallbackTroubles:
    """Read which callbacks were given up, or are taken by no worker, and which addresses a 410 has switched off.

    One statement, since each health check asks. Those that were given up first come first, and so do the addresses.
    """
    column, key = _callbacks.c, _keys.c
    first = select(column.id, column.appointment_id).where(_given_up).order_by(column.given_up_at).limit(cap).subquery()
    given = select(func.array_agg(first.c.id).label("ids"), func.array_agg(first.c.appointment_id).label("bookings"))
    untried = and_(column.is_sending, column.tries == 0, column.trouble.is_(None), column.claims >= _NOT_TAKEN)
    left = select(column.created_at).where(untried).limit(cap).subquery()
    not_taken = select(func.count().label("count"), func.min(left.c.created_at).label("since")).select_from(left)
    switched_off = and_(key.callback_off_at.is_not(None), key.callback_url.is_not(None), key.revoked_at.is_(None))
    names = select(key.name).where(switched_off).order_by(key.callback_off_at).limit(cap).subquery()
    off = select(func.array_agg(names.c.name).label("names"))
    parts = [part.subquery() for part in (given, not_taken, off)]
    both = parts[0].join(parts[1], true()).join(parts[2], true())
    ids, bookings, count, since, keys = conn.execute(
        select(*parts[0].c, *parts[1].c, *parts[2].c).select_from(both)
    ).one()
    found = dict(zip(ids or (), bookings or (), strict=True))
    told = GivenUp(len(found), sorted(dict.fromkeys(found.values()))[:FIRST], found)
    return CallbackTroubles(told, NotTaken(count, since), list(keys or ()))


def silent_webhooks(
    conn: Connection, *, known: Collection[int], grace: timedelta, cap: int = CAP
) -> list[SilentAccount]:
    """Read the active accounts whose webhook was silent for a day, though bookings were made.

    A booking counts `grace` after it was confirmed, and not if its event type is known to be a team's: of those Cal.com
    sends none. Accounts in `known` are listed without a booking, too.
    """
    asked = {
        "added": WEBHOOK_ADD,
        "removed": WEBHOOK_REMOVE,
        "known": list(known),
        "day": DAY,
        "grace": grace,
        "cap": cap,
    }
    return [SilentAccount(*row) for row in conn.execute(statement("webhooks_silent"), asked)]


def by_state(changes: Collection[OpenChanges]) -> Mapping[ChangeStatus, int]:
    """Return how many changes are open, by state."""
    return {one.state: one.count for one in changes}


def _open_changes(conn: Connection, cap: int) -> list[OpenChanges]:
    column = _changes.c
    is_open = column.status.in_([literal_column(f"'{one}'") for one in ChangeStatus if one not in OVER])
    oldest = select(column.status, column.requested_at).where(is_open).order_by(column.requested_at).limit(cap)
    found = oldest.subquery()
    since = func.min(found.c.requested_at)
    counted = select(found.c.status, func.count(), since).group_by(found.c.status).order_by(since, found.c.status)
    return [OpenChanges(*row) for row in conn.execute(counted)]


def _count(which: ColumnElement[bool], moment: str, cap: int) -> Subquery:
    """Return the statement that counts some callbacks, the oldest first, with its moment."""
    oldest = select(_callbacks.c[moment].label("at")).where(which).order_by(_callbacks.c[moment]).limit(cap).subquery()
    return select(func.count().label("number"), func.min(oldest.c.at).label("first")).select_from(oldest).subquery()


def _hint_counts(conn: Connection, now: datetime, cap: int) -> Iterator[HintCount]:
    column = _hints.c
    wanted = column.trigger, column.outcome, column.received_at
    newest = select(*wanted).order_by(column.id.desc()).limit(cap).subquery()
    kind = newest.c.trigger, newest.c.outcome
    counted = select(*kind, func.count()).where(newest.c.received_at > now - DAY).group_by(*kind).order_by(*kind)
    return (HintCount(*row) for row in conn.execute(counted))


def _open_callbacks(conn: Connection, cap: int) -> OpenCallbacks:
    waiting, given = (_count(such, by, cap) for such, by in ((_waits, "created_at"), (_given_up, "given_up_at")))
    both = select(waiting.c.number, waiting.c.first, given.c.number, given.c.first).join_from(waiting, given, true())
    return OpenCallbacks(*conn.execute(both).one())

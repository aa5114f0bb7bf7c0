"""Callbacks: what is due is given to workers, and what came of it is recorded; the triggers write them.

All transactions lock in one order, so that no two wait for each other: bookings, keys, callbacks, receivers, hosts, of
each kind the lowest first. Only `booking forget` locks more bookings after its first ones: Postgres ends one of two
that meet.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, delete, exists, func, select, text, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from db.connection import fetch
from db.models.api_keys import api_keys
from db.models.bookings import appointments
from db.models.callbacks import callback_hosts, callback_receivers, callbacks
from db.sql import statement

AT_ONCE = 4  # callbacks on their way to one receiver: what one API key is sent at one host
AT_HOST = 8  # and to all receivers of a host that are well: half of a worker's threads
THRESHOLD = 5  # failures in a row, after which a receiver rests; and receivers in a row, after which their host does
REST = 30.0  # seconds
PAUSE = 3.0  # seconds between the tries of receivers that fail, of one host, while nobody there answers
LEASE = 30.0  # seconds that a worker has a callback
_LOCK = 0x63616C6C6261636B  # of those who claim, one after the other

_columns, _receiver = callbacks.c, callback_receivers.c
DROPPED = "dropped"  # the trouble of one that was given up, and that an operator lets be
_is_told = _columns.delivered_at.is_(None) & (_columns.url != "")  # not those of forgotten addresses
_is_open = _is_told & _columns.trouble.is_distinct_from(DROPPED)
_waits = and_(_columns.delivered_at.is_(None), _columns.given_up_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One callback as it is sent. `secret_version` is that of its key's secret."""

    id: int
    appointment_id: int
    sequence: int
    api_key_id: int
    secret_version: int
    type: str
    url: str = field(repr=False)  # who knows it may send to it
    host: str
    data: Mapping[str, Any] = field(repr=False)
    about: Mapping[str, Any]
    time_zone: str
    language: str | None
    tries: int
    created_at: datetime

    @property
    def name(self) -> str:
        """Return its id for the receiver, the same at each try.

        Its moment is a part of it: a restored database gives out the same numbers again, and a receiver that knows the
        id would pass over what it was never sent.
        """
        return f"cb_{self.appointment_id}_{self.sequence}_{int(self.created_at.timestamp() * 1_000_000):x}"


@dataclass(frozen=True, slots=True)
class WaitingCallback:
    """A callback that is not delivered, as operators see it."""

    appointment_id: int
    sequence: int
    type: str
    host: str
    tries: int
    next_at: datetime | None
    trouble: str | None
    given_up_at: datetime | None
    created_at: datetime


def claim(conn: Connection, *, lease: float = LEASE) -> list[tuple[int, int]]:
    """Take what is due for workers to send, until the lease ends; return the id of each and the number of its claim."""
    if not conn.execute(select(exists().where(_columns.next_at.is_not(None)))).scalar_one():
        return []  # as nearly always: no tick waits for the lock
    conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    asked = {"threshold": THRESHOLD, "at_once": AT_ONCE, "at_host": AT_HOST, "lease_seconds": lease}
    return [(row.id, row.claims) for row in conn.execute(statement("claim_callbacks"), asked)]


def newest(conn: Connection) -> int:
    """Return the highest id of a callback; 0: there is none."""
    [[number]] = fetch(conn, "SELECT coalesce(max(id), 0) FROM callbacks", {})
    return int(number)


def claimed(conn: Connection, callback_id: int, claims: int, *, seconds: float) -> Callback | None:
    """Return what a claim gave to this worker; None: it is over, or has less than so many seconds left."""
    query = (
        select(
            callbacks,
            api_keys.c.secret_version,
            appointments.c.attendee_time_zone.label("time_zone"),
            appointments.c.attendee_language.label("language"),
        )
        .join(api_keys, api_keys.c.id == _columns.api_key_id)
        .join(appointments, appointments.c.id == _columns.appointment_id)
        .where(
            _is_claim(callback_id, claims),
            _columns.next_at > _in(seconds),
        )
    )
    row = conn.execute(query).mappings().first()
    return None if row is None else Callback(**{name: row[name] for name in Callback.__dataclass_fields__})


def delivered(conn: Connection, callback: Callback, claims: int) -> bool:
    """Record that the receiver took it, and make the next of its booking due; False: another worker has it by now."""
    _lock_booking(conn, callback)
    return _end(conn, callback, claims, delivered_at=func.now(), trouble=None) and _is_well(conn, callback)


def failed(
    conn: Connection, callback: Callback, claims: int, *, trouble: str, retry_in: float | None, hurts: bool
) -> bool:
    """Record a try that failed, and when the next one is; None: it is given up, and the next of its booking is due.

    `hurts`: the receiver itself failed, which makes it rest. False: another worker has it by now.
    """
    if retry_in is None:
        _lock_booking(conn, callback)
        recorded = _end(conn, callback, claims, given_up_at=func.now(), trouble=trouble)
    else:
        written = update(callbacks).where(_is_claim(callback.id, claims))
        written = written.values(is_sending=False, next_at=_in(retry_in), trouble=trouble, tries=_columns.tries + 1)
        recorded = bool(conn.execute(written).rowcount)
    if hurts:
        _hurt(conn, callback)
    else:
        _is_well(conn, callback)
    return recorded


def put_off(conn: Connection, callback: Callback, claims: int, *, trouble: str, seconds: float) -> None:
    """Record that a callback could not be sent for a reason of our own; that counts as no try."""
    written = update(callbacks).where(_is_claim(callback.id, claims))
    conn.execute(written.values(is_sending=False, next_at=_in(seconds), trouble=trouble))


def switch_off(conn: Connection, callback: Callback, claims: int) -> bool:
    """Record that the address answered 410, and send nothing there any more; False: another worker has it by now.

    If it is the key's own address, all of the key's callbacks that wait for it are given up, else those of its booking.
    """
    _lock_booking(conn, callback)
    gone = update(api_keys).where(api_keys.c.id == callback.api_key_id, api_keys.c.callback_url == callback.url)
    of_key = conn.execute(gone.values(callback_off_at=func.now())).rowcount
    booking = _columns.appointment_id == callback.appointment_id
    whose = _columns.api_key_id == callback.api_key_id if of_key else booking
    same = and_(whose, _columns.url == callback.url, _waits)
    conn.execute(select(_columns.id).where(same).order_by(_columns.id).with_for_update())
    recorded = _end(conn, callback, claims, given_up_at=func.now(), trouble="410")
    ended = update(callbacks).where(same)
    conn.execute(ended.values(given_up_at=func.now(), next_at=None, is_sending=False, trouble="410"))
    _is_well(conn, callback)
    return recorded


def waiting(conn: Connection, limit: int) -> Sequence[WaitingCallback]:
    """Return what is not delivered and not let be, the oldest first; what was given up comes last."""
    names = WaitingCallback.__dataclass_fields__
    query: Select[Any] = select(*(_columns[name] for name in names)).where(_is_open)
    order = _columns.given_up_at.is_not(None), _columns.id
    return [WaitingCallback(*row) for row in conn.execute(query.order_by(*order).limit(limit))]


def count_waiting(conn: Connection) -> tuple[int, int]:
    """Return how many wait, and how many were given up."""
    counted = func.count().filter(_waits), func.count().filter(_columns.given_up_at.is_not(None))
    row = conn.execute(select(*counted).where(_is_open)).one()
    return row[0], row[1]


def send_again(conn: Connection, ids: Collection[int]) -> int:
    """Make what is not delivered due now, also what was given up, its receiver well, its address on; return how many.

    `ids` are those of the bookings; none: all but what an operator lets be. Of each booking the first goes, and the
    others after it.
    """
    chosen = and_(_is_told, _columns.appointment_id.in_(ids)) if ids else _is_open
    locked = select(appointments.c.id).where(appointments.c.id.in_(select(_columns.appointment_id).where(chosen)))
    conn.execute(locked.order_by(appointments.c.id).with_for_update())
    keys = api_keys.c.id.in_(select(_columns.api_key_id).where(chosen))
    conn.execute(select(api_keys.c.id).where(keys).order_by(api_keys.c.id).with_for_update(key_share=True))
    conn.execute(update(api_keys).where(keys).values(callback_off_at=None))
    conn.execute(select(_columns.id).where(chosen).order_by(_columns.id).with_for_update())
    first = select(func.min(_columns.sequence).label("first"), _columns.appointment_id).where(chosen)
    heads = first.group_by(_columns.appointment_id).subquery()
    is_first = _columns.sequence == heads.c.first
    revived = update(callbacks).where(chosen, _columns.appointment_id == heads.c.appointment_id)
    due = case((is_first, func.now()), else_=None)
    revived = revived.values(given_up_at=None, tries=0, is_sending=False, claims=_columns.claims + 1, next_at=due)
    number = conn.execute(revived).rowcount
    receivers = tuple_(_receiver.host, _receiver.api_key_id).in_(
        select(_columns.host, _columns.api_key_id).where(chosen)
    )
    known = select(_receiver.host).where(receivers).order_by(_receiver.host, _receiver.api_key_id)
    conn.execute(known.with_for_update())
    conn.execute(delete(callback_receivers).where(receivers))
    hosts = callback_hosts.c.host.in_(select(_columns.host).where(chosen))
    conn.execute(select(callback_hosts.c.host).where(hosts).order_by(callback_hosts.c.host).with_for_update())
    conn.execute(delete(callback_hosts).where(hosts))
    return number


def drop(conn: Connection, ids: Collection[int]) -> int:
    """Let be what was given up, of the bookings `ids`, of all if it is empty; return how many callbacks.

    Such a callback is no trouble any more; `send_again` of its booking sends it all the same.
    """
    chosen = and_(_is_open, _columns.given_up_at.is_not(None), _columns.appointment_id.in_(ids) if ids else true())
    conn.execute(select(_columns.id).where(chosen).order_by(_columns.id).with_for_update())
    return conn.execute(update(callbacks).where(chosen).values(trouble=DROPPED)).rowcount


def _is_claim(callback_id: int, claims: int) -> Any:
    return and_(_columns.id == callback_id, _columns.claims == claims, _columns.is_sending)


def _lock_booking(conn: Connection, callback: Callback) -> None:
    booking = appointments.c.id == callback.appointment_id
    conn.execute(select(appointments.c.id).where(booking).with_for_update(key_share=True))


def _end(conn: Connection, callback: Callback, claims: int, **values: Any) -> bool:
    """Record the end of a callback whose booking is locked, and make the next one of the booking due."""
    written = update(callbacks).where(_is_claim(callback.id, claims))
    ended = conn.execute(written.values(is_sending=False, next_at=None, tries=_columns.tries + 1, **values)).rowcount
    if ended:
        conn.execute(statement("callback_over"), {"appointment_id": callback.appointment_id})
    return bool(ended)


def _is_well(conn: Connection, callback: Callback) -> bool:
    """Forget the failures of a receiver that has answered, and those of its host."""
    conn.execute(delete(callback_receivers).where(_is_of(callback)))
    conn.execute(delete(callback_hosts).where(callback_hosts.c.host == callback.host))
    return True


def _hurt(conn: Connection, callback: Callback) -> None:
    """Count a failure of a receiver, which from THRESHOLD in a row on rests.

    Its host counts the receivers that were well before: one that has been dead for long says nothing of the others.
    From THRESHOLD of them in a row on the whole host rests.
    """
    count = _receiver.failures + 1
    own = insert(callback_receivers).values(host=callback.host, api_key_id=callback.api_key_id, failures=1)
    changed = {"failures": count, "rests_until": case((count >= THRESHOLD, _in(REST)), else_=None)}
    own = own.on_conflict_do_update(index_elements=["host", "api_key_id"], set_=changed)
    failures = conn.execute(own.returning(_receiver.failures)).scalar_one()
    was_well, pause = int(failures == 1), _in(PAUSE) if failures >= THRESHOLD else None
    count = callback_hosts.c.failures + was_well
    until = case((count >= THRESHOLD, _in(REST)), else_=callback_hosts.c.rests_until if pause is None else pause)
    of_host = insert(callback_hosts).values(host=callback.host, failures=was_well, rests_until=pause)
    changed = {"failures": count, "rests_until": until}
    conn.execute(of_host.on_conflict_do_update(index_elements=["host"], set_=changed))


def _is_of(callback: Callback) -> Any:
    return and_(_receiver.host == callback.host, _receiver.api_key_id == callback.api_key_id)


def _in(seconds: float) -> Any:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)

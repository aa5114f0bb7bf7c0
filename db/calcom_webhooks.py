"""The hints of Cal.com's webhooks: stored once each, taken up when a look is due, and ended."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, case, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db.appointments.appointment import Appointment
from db.models.bookings import MOMENT, appointments
from db.models.calcom import calcom_webhooks
from db.sql import statement

FIRST_LOOK = 2.0  # seconds after it came: Cal.com reports a cancel before it has committed it
TOO_OLD = "too old"  # the outcome of a hint that was told long before it came
PUT_OFF = timedelta(seconds=10), timedelta(minutes=10)  # at least and at most, after a look that came to nothing

_columns = calcom_webhooks.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What a webhook tells. `old_uid`: of the booking that was moved; `told_at` is by Cal.com's clock."""

    account_id: int
    trigger: str
    uid: str
    old_uid: str | None
    reference: UUID | None
    told_at: datetime
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class DueHint:
    """A hint after which Cal.com is to be asked; `looks` were made already."""

    id: int
    hint: Hint
    looks: int


def add(conn: Connection, hint: Hint, *, oldest: timedelta) -> None:
    """Store a hint, by one statement: the same body again changes nothing, and one that is too old is over at once."""
    is_new = literal(hint.told_at, MOMENT) > func.now() - oldest
    next_at = case((is_new, func.now() + timedelta(seconds=FIRST_LOOK)), else_=None)
    values = asdict(hint) | {"next_at": next_at, "outcome": case((is_new, None), else_=TOO_OLD)}
    conn.execute(insert(calcom_webhooks).values(values).on_conflict_do_nothing(index_elements=["body_hash"]))


def reporting(conn: Connection) -> set[int]:
    """Return the accounts of which a report is stored."""
    return set(conn.execute(select(_columns.account_id).distinct()).scalars())


def due(conn: Connection, *, limit: int, lease: float) -> list[DueHint]:
    """Take up the hints that are due, for `lease` seconds; none while bookings wait for the breaker or the limit."""
    rows = conn.execute(statement("hints_due"), {"limit": limit, "lease_seconds": lease}).mappings()
    names = Hint.__dataclass_fields__
    return [DueHint(row["id"], Hint(**{n: row[n] for n in names}), row["looks"]) for row in rows]


def bookings_of(conn: Connection, hint: Hint) -> list[Appointment]:
    """Return the bookings of an account that a hint may be about: by either uid, or by our reference."""
    rows = appointments.c
    named = or_(rows.calcom_booking_uid.in_([hint.uid, hint.old_uid or hint.uid]), rows.uuid == hint.reference)
    query = select(appointments).where(rows.account_id == hint.account_id, named).order_by(rows.id)
    return [Appointment.of(row) for row in conn.execute(query).mappings()]


def look_later(conn: Connection, hint_id: int, seconds: float) -> None:
    """Count a look, and have Cal.com asked again in so many seconds."""
    changed = update(calcom_webhooks).where(_columns.id == hint_id)
    conn.execute(changed.values(next_at=func.now() + timedelta(seconds=seconds), looks=_columns.looks + 1))


def put_off(
    conn: Connection, hint_id: int, outcome: str, *, oldest: timedelta, settles_at: datetime | None = None
) -> None:
    """Have Cal.com asked later for a hint whose look came to nothing: as long after as the hint is old, within bounds.

    Once at `settles_at` (None: it has passed), from when a seat's absence counts, if that comes before. A hint that is
    older than `oldest` ends with `outcome`: a look that always fails is not made for ever.
    """
    age = func.now() - _columns.received_at
    later = func.now() + func.least(func.greatest(age, PUT_OFF[0]), PUT_OFF[1])
    if settles_at is not None:
        later = func.least(later, func.greatest(literal(settles_at, MOMENT), func.now()))
    is_young = age < oldest
    values = {"next_at": case((is_young, later), else_=None), "outcome": case((is_young, None), else_=outcome)}
    conn.execute(update(calcom_webhooks).where(_columns.id == hint_id).values(values))


def end(conn: Connection, hint_id: int, outcome: str) -> None:
    """Record what came of a hint: Cal.com is not asked for it any more."""
    conn.execute(update(calcom_webhooks).where(_columns.id == hint_id).values(next_at=None, outcome=outcome))


def last_received(conn: Connection, account: int) -> datetime | None:
    """Return when the last hint of an account came; None: none has."""
    query = select(func.max(_columns.received_at)).where(_columns.account_id == account)
    last: datetime | None = conn.execute(query).scalar()
    return last

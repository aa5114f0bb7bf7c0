"""Changes as they are asked for: stored, found again, withdrawn, and done at once where no call is needed.

The caller has locked the booking, so that of two who ask at once one sees the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert

from db.appointments.appointment import Appointment
from db.changes.change import COLUMNS_SQL, BookingChange, SeriesPart
from db.changes.moves import move
from db.connection import fetch
from db.lifecycle import LIVE, OVER, WAIT_FOR_NO_TIME, ChangeStatus, Status
from db.models.bookings import appointments
from db.models.changes import ChangeKind, booking_changes, moved_starts
from db.sql import prepared

LONGEST = timedelta(hours=24)  # an event of unknown length is over by then: Cal.com has none that is longer
_LEAD_SHARE, _LONGEST = 96, 900.0  # as in the client's insert.sql, which has the rule of the line


@dataclass(frozen=True, kw_only=True)
class NewChange:
    """A change that is asked for: `start` is the wanted start of a reschedule (None: a cancel).

    `part`: the weeks of a series that a cancel means (None: the whole booking). `asked_at`: when it was asked for;
    None: now.
    """

    start: datetime | None
    reason: str
    by: str
    via: str
    key: str | None = None
    asked_at: datetime | None = None
    part: SeriesPart | None = None


class AskingMoment(NamedTuple):
    """What somebody who asks for a change meets at a locked booking, as `moment_of` reads it.

    `now` is Postgres's time, `account` the name of the booking's account, `opened` its changes that are not over,
    `keyed` the one that was asked for with the same key (None: none was). `is_open`: the account is not closed,
    and stays so until the transaction ends.
    """

    now: datetime
    account: str
    is_open: bool
    opened: list[BookingChange]
    keyed: BookingChange | None


def moment_of(conn: Connection, row: Appointment, key: str | None = None) -> AskingMoment:
    """Return what somebody meets who asks for a change with this key; the lock lets nobody change it."""
    asked = {"appointment_id": row.id, "account_id": row.account_id, "key": key}
    found = fetch(conn, prepared("change_met", COLUMNS_SQL), asked)
    changes = [(keyed, BookingChange.read(change)) for _, _, _, keyed, *change in found if change[0] is not None]
    opened = [change for _, change in changes if not change.over]
    now, account, is_open = found[0][:3]
    return AskingMoment(now, account, is_open, opened, next((change for keyed, change in changes if keyed), None))


def of_booking(conn: Connection, appointment_id: int) -> list[BookingChange]:
    """Return all changes of a booking, in the order in which they were asked for."""
    query = select(booking_changes).where(booking_changes.c.appointment_id == appointment_id)
    return [BookingChange.of(row) for row in conn.execute(query.order_by(booking_changes.c.id)).mappings()]


def latest_of(conn: Connection, ids: Sequence[int]) -> dict[int, BookingChange]:
    """Return of each of these bookings the change that was asked for last, by the booking; one without is missing."""
    columns = booking_changes.c
    query = select(booking_changes).where(columns.appointment_id.in_(ids)).ext(distinct_on(columns.appointment_id))
    rows = conn.execute(query.order_by(columns.appointment_id, columns.id.desc())).mappings()
    return {change.appointment_id: change for change in map(BookingChange.of, rows)}


def open_of(conn: Connection, appointment_id: int) -> list[BookingChange]:
    """Return the changes of a booking that are not over."""
    return [change for change in of_booking(conn, appointment_id) if not change.over]


def is_over(row: Appointment, now: datetime) -> bool:
    """Return whether a booking's time at Cal.com has ended; of a series only Cal.com knows."""
    length = timedelta(minutes=row.length_in_minutes) if row.length_in_minutes else LONGEST
    if row.end_at is not None:
        length = row.end_at - row.start_at
    return row.series_uid is None and row.present_start + length <= now


def held_for_a_person(conn: Connection, appointment_id: int) -> BookingChange | None:
    """Return the change of a booking whose outcome is unknown, and which is held until a person acts; None: none is."""
    opened = open_of(conn, appointment_id)
    return next((one for one in opened if one.outcome_unknown and one.hold_reason in WAIT_FOR_NO_TIME), None)


def is_in_motion(conn: Connection, appointment_id: int, *, since: datetime) -> bool:
    """Return whether a call may be changing a booking at Cal.com, or has changed it since a moment."""
    columns = booking_changes.c
    moving = columns.status.in_([ChangeStatus.CHANGING, ChangeStatus.DONE])
    sent = or_(moving, columns.posts > 0, columns.outcome_unknown, columns.may_have_moved)
    lately = or_(columns.status.not_in(OVER), columns.updated_at > since)
    query = select(columns.id).where(columns.appointment_id == appointment_id, sent, lately).limit(1)
    return conn.execute(query).first() is not None


def has_left(conn: Connection, appointment_id: int, uid: str) -> bool:
    """Return whether a move of ours has taken a booking away from this uid of Cal.com's."""
    columns = booking_changes.c
    moved = columns.kind == ChangeKind.RESCHEDULE, columns.status == ChangeStatus.DONE, columns.from_uid == uid
    query = select(columns.id).where(columns.appointment_id == appointment_id, *moved).limit(1)
    return conn.execute(query).first() is not None


def by_task(conn: Connection, task_id: str) -> BookingChange | None:
    """Return a change by its Celery task's id."""
    row = conn.execute(select(booking_changes).where(booking_changes.c.task_id == task_id)).mappings().first()
    return None if row is None else BookingChange.of(row)


def withdraw(conn: Connection, changes: Sequence[BookingChange], *, by: str, why: str) -> list[BookingChange]:
    """Withdraw those of these changes that were never sent; return them."""
    unsent = [one for one in changes if one.is_unsent]
    return [one for one in unsent if move(conn, one.id, one.status, ChangeStatus.WITHDRAWN, why=why, by=by)]


def keep(
    conn: Connection, row: Appointment, new: NewChange, status: ChangeStatus, *, lead_seconds: float, now: datetime
) -> BookingChange:
    """Store a change of a locked booking; a pending one counts as enqueued now. `now` is Postgres's time.

    From a move on the booking answers for the wanted start, too, until that move has come to nothing.
    """
    uid = row.series_uid or row.calcom_booking_uid
    asked_at, part = new.asked_at or now, new.part
    here = row.present_start if part is None else part.week
    at = new.start or here
    values = {
        "appointment_id": row.id,
        "account_id": row.account_id,
        "kind": (ChangeKind.CANCEL if new.start is None else ChangeKind.RESCHEDULE).value,
        "status": status.value,
        "start_at": at,
        "reason": new.reason,
        "asked_by": new.by,
        "via": new.via,
        "idempotency_key": new.key,
        "derived_key": None if new.start is None else row.derived_key_at(new.start),
        "correlation_id": row.correlation_id,
        "task_id": str(uuid4()),
        "scope": None if part is None else part.scope.value,
        "week": None if part is None else part.week,
        "from_uid": None if status is ChangeStatus.WAITING else uid,
        "from_seat_uid": None if status is ChangeStatus.WAITING else row.calcom_seat_uid,
        "enqueued_at": now if status is ChangeStatus.PENDING else None,
        "line_at": place_in_line(asked_at, min(here, at) - timedelta(seconds=lead_seconds)),
        "requested_at": asked_at,
        "detail": Jsonb({"via": new.via, "at": at.isoformat()}),
    }
    [stored] = fetch(conn, prepared("change_keep", COLUMNS_SQL), values)
    return BookingChange.read(stored)


def place_in_line(requested_at: datetime, until: datetime) -> datetime:
    """Return `line_at` of a request of a moment that must be done until another one, as insert.sql has it."""
    seconds = max((until - requested_at).total_seconds(), 0.0)
    return requested_at + timedelta(seconds=min(seconds / _LEAD_SHARE, _LONGEST, seconds / 2))


def answer_at(conn: Connection, row: Appointment, start: datetime) -> None:
    """Have a locked booking answer for a start to which it is moved, or from which, too."""
    values = {"start_at": start, "account_id": row.account_id, "idempotency_key": row.derived_key_at(start)}
    conn.execute(insert(moved_starts).values(appointment_id=row.id, **values).on_conflict_do_nothing())


def at_start(row: Appointment, start: datetime, *, lead_seconds: float) -> dict[str, Any]:
    """Return the columns of a booking that is not at Cal.com, asked for at another start; an `answer_by` stays."""
    key = row.derived_key_at(start)
    end = {} if row.end_at is None else {"end_at": row.end_at + (start - row.start_at)}
    derived = {} if key is None else {"idempotency_key": key}
    until = start - timedelta(seconds=lead_seconds)
    return {
        "start_at": start,
        "line_at": place_in_line(row.requested_at, min(until, row.answer_by or until)),
        **end,
        **derived,
    }


def is_taken(conn: Connection, row: Appointment, wanted: Mapping[str, Any]) -> bool:
    """Return whether another booking, which lives, answers for the derived key among these columns."""
    if "idempotency_key" not in wanted:
        return False
    columns, moved, key = appointments.c, moved_starts.c, wanted["idempotency_key"]
    others = columns.account_id == row.account_id, columns.status.in_([*LIVE, Status.CONFIRMED]), columns.id != row.id
    own = select(columns.id).where(columns.idempotency_key == key, columns.key_derived, *others)
    by_move = select(columns.id).join(moved_starts, moved.appointment_id == columns.id)
    found = own.union_all(by_move.where(moved.idempotency_key == key, *others)).limit(1)
    return conn.execute(found).first() is not None


def ask_at(conn: Connection, row: Appointment, values: Mapping[str, Any]) -> None:
    """Have a locked booking that is certainly not at Cal.com asked for with the columns of `at_start`.

    It answers for its old start, too: the first request, repeated, is this booking.
    """
    answer_at(conn, row, row.start_at)
    conn.execute(update(appointments).where(appointments.c.id == row.id).values(**values, updated_at=func.now()))


def waiting_start(conn: Connection, appointment_id: int) -> BookingChange | None:
    """Return the reschedule that waits for the open outcome of a booking; None: none does."""
    waits = [one for one in open_of(conn, appointment_id) if one.status is ChangeStatus.WAITING and one.wanted]
    return waits[-1] if waits else None

"""An operator says which booking at Cal.com is ours, and Cal.com must show our reference in it.

This is the only way to confirm a booking that a key cannot see in the list: Cal.com shows a booking by its uid, and a
seat by its own, to anybody (docs/calcom.md). It only confirms: a uid that is missing, or another's, proves nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine

from db import appointments
from db.appointments import Appointment
from db.audits import bookings
from db.changes import asking
from db.lifecycle import LIVE, HoldReason, Status
from db.monitoring import operator_actions
from tasks.calcom.booking import Booking, usable
from tasks.calcom.booking_answers import booked_there, read_bookings
from tasks.calcom.reply import Reply, ReplyKind
from tasks.guarded_calls.calls import GuardedCalls
from tasks.words import clock

RESOLVE = "resolve"
BY, WHY = "operator", "resolved by the operator"
_MOVES = 5  # reschedules that are followed from one uid to the next
_REFERENCE = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ResolveOutcome(StrEnum):
    """What became of a booking, and what is left to do."""

    RESOLVED = "resolved"
    WRITTEN_DOWN = "written_down"  # its next attempt confirms it
    NOT_RESOLVED = "not_resolved"
    CALL_CUSTOMER = "call_customer"  # the customer was told that it is not booked
    CANCEL_THERE = "cancel_there"  # its cancellation was asked for, and no change sends it
    CHANGE_DONE = "change_done"
    CHANGE_NOT_DONE = "change_not_done"  # its booking is as Cal.com shows it
    BOOKED_AGAIN = "booked_again"  # its seat was lost while it was moved: it is booked at the new start


@dataclass(frozen=True)
class Resolved:
    """The result and its sentence; `ok` is False when nothing is confirmed by that uid."""

    ok: bool
    said: str
    outcomes: tuple[ResolveOutcome, ...] = ()


def may_be_booked(row: Appointment) -> bool:
    """Return whether an operator may know better: it may be at Cal.com, and no worker is calling for it now."""
    if row.status in {Status.BOOKING, Status.CONFIRMED, Status.CANCELLED}:
        return False
    return row.outcome_unknown or row.hold_reason is HoldReason.BLIND_KEY or row.sent_at is not None


def resolve_booking(calls: GuardedCalls, row: Appointment, uid: str) -> Resolved:
    """Confirm a row by the booking, or the seat, that `uid` names, if that carries the row's reference.

    What `calls` raise when Cal.com cannot be asked now is raised here, with nothing changed.
    """
    if (done := _needs_none(row, uid)) is not None:
        return done
    ours = ours_by(calls, row, uid)
    if isinstance(ours, Resolved):
        return ours
    return _gone(row, ours) if ours.cancelled else _write(calls, row, ours)


def ours_by(calls: GuardedCalls, row: Appointment, uid: str) -> Booking | Resolved:
    """Return the booking that `uid` names, after all of its moves, if it carries the row's reference; else why not."""
    for _ in range(_MOVES):
        there = _ask(calls, uid)
        if isinstance(there, str):
            return Resolved(ok=False, said=f"{row.id}: {there}")
        ours = _ours(there, row)
        if ours is None:
            return _not_ours(calls, row, uid, there[0])
        if ours.moved_to is None:
            return ours
        uid = ours.moved_to  # a reschedule keeps the reference
    return Resolved(ok=False, said=f"{row.id}: was moved so often at Cal.com that its last uid must be given: {uid}")


def finish(engine: Engine, action_id: int, done: Resolved) -> None:
    """Record what became of a recorded action."""
    outcomes = done.outcomes or (ResolveOutcome.RESOLVED if done.ok else ResolveOutcome.NOT_RESOLVED,)
    refused = None if done.ok else done.said
    with engine.begin() as conn:
        operator_actions.finish(conn, action_id, dict.fromkeys(outcomes, 1), refused=refused, done=int(done.ok))


def _needs_none(row: Appointment, uid: str) -> Resolved | None:
    """Return the result for a row that needs no question to Cal.com, and for a text that is no uid; else None."""
    if usable(uid) is None:
        return Resolved(ok=False, said=f"{row.id}: what was given is no uid of Cal.com")
    match row.status:
        case Status.BOOKING:
            return Resolved(
                ok=False, said=f"{row.id}: a worker is calling Cal.com for it now; try again when that is over"
            )
        case Status.CANCELLED:
            return Resolved(ok=False, said=f"{row.id}: is cancelled for good; if {uid} is it, cancel that at Cal.com")
        case Status.CONFIRMED if uid in {row.calcom_booking_uid, row.calcom_seat_uid}:
            return Resolved(ok=True, said=f"{row.id}: is confirmed as {uid} already.")
        case Status.CONFIRMED:
            said = f"{row.id}: is confirmed already, as {row.calcom_booking_uid}; `booking audit` finds doubles"
            return Resolved(ok=False, said=said)
    return None


def _ask(calls: GuardedCalls, uid: str) -> Sequence[Booking] | str:
    """Return the bookings of a uid (all weeks of a series), or of a seat; else a sentence why there is none."""
    there = read_bookings(calls.booking(uid))
    if _is_missing(there):
        there = read_bookings(calls.booking_of_seat(uid))
    if _is_missing(there):
        return f"Cal.com knows neither a booking nor a seat {uid} (one just made may be shown a little later)"
    if isinstance(there, Reply):
        return f"Cal.com does not show {uid} now: {there.message or there.error_type.value.replace('_', ' ')}"
    return there


def _is_missing(there: Sequence[Booking] | Reply) -> bool:
    return isinstance(there, Reply) and there.kind is ReplyKind.REFUSED and there.http_status == 404


def _ours(there: Sequence[Booking], row: Appointment) -> Booking | None:
    """Return the booking that carries the row's reference: a live one first, then the week of our start."""
    ours = [one for one in there if str(row.uuid) in one.marks]
    return min(ours, key=lambda one: (one.cancelled, not one.is_at(row.start_at)), default=None)


def _not_ours(calls: GuardedCalls, row: Appointment, uid: str, found: Booking) -> Resolved:
    start = clock(found.start) if found.start else "an unknown time"
    standing = "cancelled" if found.cancelled else "accepted" if found.accepted else "not confirmed by its host yet"
    with calls.deps.engine.connect() as conn:
        whose = _whose(conn, found, row.account_id)
    said = f"{row.id}: {uid} is not its booking: Cal.com shows one of {start}, {standing}, {whose}; nothing was changed"
    return Resolved(ok=False, said=said)


def _whose(conn: Connection, found: Booking, account: int) -> str:
    if not found.marks:
        hidden = " and without attendees: give the seat's own uid" if found.seated and not found.attendees else ""
        return f"without a reference of ours{hidden}"
    references = [mark for mark in found.marks if _REFERENCE.fullmatch(mark)]
    rows = [row.id for row in bookings.by_references(conn, references, account=account)]
    return f"with the reference of booking {', '.join(map(str, rows))}" if rows else "with a reference that is not ours"


def _gone(row: Appointment, ours: Booking) -> Resolved:
    """Leave the row as it is: another of its POSTs may have made a second booking, which is not cancelled."""
    said = f"{row.id}: {ours.uid} is its booking, and was cancelled or declined at Cal.com; nothing was changed. "
    if row.status in LIVE:
        said += f"If no other stands there: `booking cancel {row.id} --not-booked`"
    return Resolved(ok=False, said=said.strip())


def _write(calls: GuardedCalls, row: Appointment, ours: Booking) -> Resolved:
    with calls.deps.engine.begin() as conn:
        there = booked_there(ours, row, ours.marks[str(row.uuid)])
        had = appointments.record_late_uid(conn, row.id, there, why=WHY, by=BY)
        after = appointments.get(conn, row.id)
        goes = any(change.ends_booking for change in asking.open_of(conn, row.id))
    if had is None or after is None:
        return Resolved(ok=False, said=f"{row.id}: is gone: it is older than RETENTION_DAYS")
    if after.calcom_booking_uid != ours.uid:
        return Resolved(ok=False, said=f"{row.id}: has meanwhile been confirmed, as {after.calcom_booking_uid}")
    if after.status is Status.CONFIRMED:
        return _confirmed(after, had, ours.uid, cancel_goes=goes)
    if after.status in LIVE:
        said = f"{row.id}: {ours.uid} is written down; its next attempt confirms it."
        return Resolved(ok=True, said=said, outcomes=(ResolveOutcome.WRITTEN_DOWN,))
    if after.status is Status.CANCELLED:
        return Resolved(ok=False, said=f"{row.id}: was cancelled meanwhile; cancel {ours.uid} at Cal.com")
    said = f"{row.id}: stays {after.status}: it was asked for again, and that newer booking lives; keep one of the two"
    return Resolved(ok=False, said=f"{said}, and cancel the other at Cal.com")


def _confirmed(row: Appointment, had: Status, uid: str, *, cancel_goes: bool) -> Resolved:
    """Return the result for a row that is confirmed now, with what is left to do."""
    said, outcomes = f"{row.id}: confirmed, as {uid}.", [ResolveOutcome.RESOLVED]
    if had not in LIVE and had is not Status.CONFIRMED:
        said += f" Its customer was told that it is {had}: call them (`booking show {row.id} --personal`)."
        outcomes.append(ResolveOutcome.CALL_CUSTOMER)
    if cancel_goes:
        said += " Its cancellation was asked for, and goes to Cal.com by itself."
    elif row.cancel_requested:
        said += f" Its cancellation was asked for: run `booking cancel {row.id}`."
        outcomes.append(ResolveOutcome.CANCEL_THERE)
    return Resolved(ok=True, said=said, outcomes=tuple(outcomes))

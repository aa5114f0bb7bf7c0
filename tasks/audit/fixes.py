"""Fix a finding of an audit if that is safe. A fix that is run twice, or killed midway, takes effect once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from db import appointments
from db.appointments import Appointment
from db.appointments.there.places import record_places
from db.audits import doubles
from db.lifecycle import FINAL, LIVE, Status
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.audit.finding import AuditFinding, AuditFindingKind, Fix
from tasks.audit.listing import between, read_listing
from tasks.audit.motion import unless_in_motion
from tasks.audit.questions import look_again, verdict
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.changes.cancel import cancel_body
from tasks.calcom.reply import Reply, ReplyKind
from tasks.words import clock

BY = "operator"
FRESH_SECONDS = 60.0  # seconds from the lookup that proves a double to its cancellation
REASON = "Booked twice by mistake. The other booking stands."  # the attendee may read this in Cal.com's e-mail


@dataclass(frozen=True, slots=True)
class Fixed:
    """The result of a fix; `ok` False: a person must still look at the booking, unless it may be tried `again`."""

    ok: bool
    message: str
    again: bool = False


def fix(calls: AuditCalls, finding: AuditFinding) -> Fixed:
    """Apply the finding's `fix`.

    Raises:
        AuditHalted: Cal.com cannot be asked now; earlier fixes stay.
    """
    row = finding.row
    if row is None or finding.fix is None:
        return Fixed(ok=False, message="not for an audit to decide")
    with calls.deps.engine.connect() as conn:
        if unless_in_motion(conn, finding, appointments.now(conn), calls.deps) is not finding:
            return Fixed(ok=False, message="is being cancelled or moved: run the audit again")
    return _FIXES[finding.fix](calls, row, finding)


def _cancel_here(calls: AuditCalls, row: Appointment, _: AuditFinding) -> Fixed:
    with calls.deps.engine.begin() as conn:
        moved = appointments.move(
            conn,
            row.id,
            Status.CONFIRMED,
            Status.CANCELLED,
            why="an audit found it cancelled at Cal.com",
            by=BY,
            detail={"uid": row.calcom_booking_uid},
        )
    return Fixed(ok=True, message="cancelled here, too" if moved else "has just moved on by itself")


def _follow(calls: AuditCalls, _: Appointment, finding: AuditFinding) -> Fixed:
    """Write where a booking is that a person has moved, if Cal.com, asked once more, still shows a move."""
    again = look_again(calls, finding, settled=lambda _: True)
    if not isinstance(again, AuditFinding):
        return Fixed(ok=True, message="has just been followed")
    if again.kind is not AuditFindingKind.MOVED:
        return Fixed(ok=False, message="has changed at Cal.com meanwhile: nothing was written; run the audit again")
    return follow(calls, again, by=BY)


def follow(calls: AuditCalls, finding: AuditFinding, *, by: str) -> Fixed:
    """Write uid and start of a booking that was moved, as Cal.com has just shown them; a row that has changed stays."""
    [place] = finding.there
    if finding.row is None or place.booking.start is None:
        return Fixed(ok=False, message="names no booking of ours")
    with calls.deps.engine.begin() as conn:
        record_places(conn, [(finding.row, place.there(finding.row))], by=by, why="an audit found it moved at Cal.com")
    return Fixed(ok=True, message=f"is at {clock(place.booking.start)} here, too")


def _record_uid(calls: AuditCalls, row: Appointment, finding: AuditFinding) -> Fixed:
    """Confirm a row whose booking lives at Cal.com; if the caller heard "not booked", that is an incident.

    Cal.com is asked once more: the list of a whole range may be minutes old, and a person may have cancelled since.
    """
    [place] = finding.there
    bookings = read_bookings(calls.booking_of_seat(place.seat_uid) if place.seat_uid else calls.booking(place.uid))
    if isinstance(bookings, Reply) or not any(
        str(row.uuid) in booking.marks and not booking.cancelled for booking in bookings
    ):
        return Fixed(ok=False, message="has changed at Cal.com meanwhile: nothing was recorded; run the audit again")
    with calls.deps.engine.begin() as conn:
        appointments.record_late_uid(conn, row.id, place.there(row), why="an audit found it at Cal.com", by=BY)
        after = appointments.get(conn, row.id)
    if after is None:
        return Fixed(ok=False, message="is gone: it is older than RETENTION_DAYS")
    if after.calcom_booking_uid != place.uid:
        return Fixed(ok=False, message=f"has meanwhile become {after.calcom_booking_uid}; run the audit again")
    if after.status is Status.CONFIRMED:
        called = (
            f"; reported as {row.status}: call back (`booking show {row.id} --personal`)" if row.status in FINAL else ""
        )
        return Fixed(ok=True, message=f"its uid is recorded: confirmed{called}")
    if after.status in LIVE:
        return Fixed(ok=True, message="its uid is recorded: its next attempt finds it booked")
    return Fixed(ok=False, message=f"its uid is recorded; the row stays {after.status}: keep or cancel it at Cal.com")


def _cancel_double(calls: AuditCalls, row: Appointment, _: AuditFinding) -> Fixed:
    """Read the list of this start again, and cancel what is still proven to be a double of an unchanged row.

    The list of a whole range may be minutes old: meanwhile the customer may have cancelled the other booking.
    """
    ends: dict[str, Fixed] = {}
    while True:
        looked_at = calls.clock()
        listing = read_listing(calls, between(row.present_start, row.present_start + timedelta(milliseconds=1)))
        with calls.deps.engine.connect() as conn:
            fresh = appointments.get(conn, row.id)
        again = None if fresh is None else verdict(calls, fresh, listing, settled=True)
        if fresh is None or not isinstance(again, AuditFinding) or again.fix is not Fix.CANCEL_DOUBLE:
            break
        double = next((one for one in again.doubles if one.name not in ends), None)
        if double is None:  # a list that lags still shows the doubles that we have just cancelled
            break
        ends[double.name] = cancel_double(calls, fresh, double.uid, double.seat_uid, looked_at)
    if not ends:
        return Fixed(ok=False, message="has changed meanwhile: nothing was cancelled; run the audit again")
    return Fixed(ok=all(end.ok for end in ends.values()), message="; ".join(end.message for end in ends.values()))


def cancel_double(
    calls: AuditCalls, row: Appointment, uid: str, seat_uid: str | None, looked_at: float, *, by: str = BY
) -> Fixed:
    """Cancel a booking, or a seat, that was proven to be a double of an unchanged row at `looked_at` of `calls.clock`.

    Raises:
        AuditHalted: Cal.com cannot be asked now, or the proof has become old; nothing was sent.
    """
    name = uid if seat_uid is None else f"{uid}, seat {seat_uid}"
    why = f"a double of {row.calcom_booking_uid}"
    intended = False

    def intend() -> bool:
        """Record the intent right before the first byte; after FRESH_SECONDS the list proves nothing."""
        nonlocal intended
        if calls.clock() - looked_at > FRESH_SECONDS:
            raise AuditHalted("the call waited long for its turn, and much may have changed; run the audit again")
        with calls.deps.engine.begin() as conn:
            intended = doubles.intend(conn, row, uid, seat_uid, why, by=by)
        return intended

    def ended(kind: str, why: str) -> None:
        with calls.deps.engine.begin() as conn:
            doubles.end(conn, row.id, kind, uid=uid, seat_uid=seat_uid, why=why, by=by)

    body = cancel_body(REASON, seat_uid=seat_uid)
    reply = calls.cancel(uid, body, may_send=intend, correlation_id=row.correlation_id)
    if reply is None:
        ended(doubles.CANCELLED, why)
        return Fixed(ok=True, message=f"{name} is cancelled at Cal.com")
    message = reply.message or reply.error_type.value.replace("_", " ")
    if reply.kind is ReplyKind.UNKNOWN:  # the intent stays open: the next audit finds the result
        return Fixed(ok=False, message=f"{name}: no clear answer ({message}); run the audit again", again=True)
    if intended:
        ended(doubles.KEPT, message)
    return Fixed(ok=False, message=f"{name} is not cancelled: {message}", again=not intended)


_FIXES: dict[Fix, Callable[[AuditCalls, Appointment, AuditFinding], Fixed]] = {
    Fix.CANCEL_HERE: _cancel_here,
    Fix.FOLLOW: _follow,
    Fix.RECORD_UID: _record_uid,
    Fix.CANCEL_DOUBLE: _cancel_double,
}

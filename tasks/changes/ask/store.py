"""Store a change of a booking that is asked for: it goes to Cal.com, waits, or is known.

The booking's row is locked, so that of two who ask at once one sees what the other has asked for.
"""

from dataclasses import replace

from sqlalchemy import Connection

from db import appointments
from db.appointments import Appointment
from db.changes import asking
from db.changes.asking import AskingMoment, NewChange
from db.changes.change import BookingChange, SeriesPart
from db.lifecycle import FINAL, WAIT_FOR_NO_TIME, ChangeStatus, Status
from db.models.changes import ChangeKind
from tasks import dependencies
from tasks.changes.ask.ask import (
    FRESH_COUNTS,
    Ask,
    AskOutcome,
    AskResult,
    move_as_read,
    result_of,
)

REASONS = {ChangeKind.CANCEL: "Cancelled on request", ChangeKind.RESCHEDULE: "Moved on request"}
"""What Cal.com tells the attendee if nobody says more; Cal.com refuses a cancel without a reason."""


def known(row: Appointment, ask: Ask, moment: AskingMoment) -> AskResult | None:
    """Return the result of what is refused for its account, or is known by its key; else None.

    What is open still at a closed account comes to nothing.
    """
    if ask.account not in {None, moment.account}:
        return result_of(row, AskOutcome.OTHER_ACCOUNT)
    change = moment.keyed
    if change is None:
        return None
    if (change.wanted, change.part) != (ask.start, ask.part):
        return result_of(row, AskOutcome.KEY_REUSED)
    if not (moment.is_open or change.over):
        return result_of(row, AskOutcome.ACCOUNT_CLOSED)
    return _repeated(row, ask, change)


def _asked(ask: Ask) -> AskOutcome:
    """Return the outcome of what goes to Cal.com."""
    if ask.start is not None:
        return AskOutcome.MOVE_ASKED
    return AskOutcome.CANCEL_ASKED if ask.part is None else AskOutcome.WEEKS_CANCEL_ASKED


def _repeated(row: Appointment, ask: Ask, change: BookingChange) -> AskResult:
    return AskResult(row.id, _asked(ask), row.status, change=change, repeated=True)


def send(conn: Connection, row: Appointment, ask: Ask, moment: AskingMoment) -> AskResult:
    """Store a change of a confirmed booking, which Cal.com has; it waits for one that was sent before."""
    if (same := same_of(moment.opened, ask)) is not None:
        return _repeated(row, ask, same)
    if asking.is_over(row, moment.now):
        return result_of(row, AskOutcome.OVER)
    withdrawn = _withdraw(conn, ask, moment)
    return _sent(conn, row, ask, moment, waits=withdrawn < len(moment.opened))


def send_weeks(conn: Connection, row: Appointment, part: SeriesPart, ask: Ask, moment: AskingMoment) -> AskResult:
    """Store the cancel of some weeks of a series; it waits for each change that was asked for before.

    Those of other weeks stay: each is a change of its own.
    """
    if not moment.is_open:
        return result_of(row, AskOutcome.ACCOUNT_CLOSED)
    if (same := next((one for one in moment.opened if one.part == part), None)) is not None:
        return _repeated(row, ask, same)
    if (refused := _refused_weeks(row, part, moment)) is not None:
        return result_of(row, refused)
    return _sent(conn, row, ask, moment, waits=bool(moment.opened))


def _sent(conn: Connection, row: Appointment, ask: Ask, moment: AskingMoment, *, waits: bool) -> AskResult:
    change = keep(conn, row, ask, ChangeStatus.WAITING if waits else ChangeStatus.PENDING, moment)
    return AskResult(row.id, _asked(ask), row.status, released=None if waits else change, change=change)


def _withdraw(conn: Connection, ask: Ask, moment: AskingMoment) -> int:
    why = "a newer wish came before it was sent"
    return len(asking.withdraw(conn, moment.opened, by=ask.by, why=why))


def _refused_weeks(row: Appointment, part: SeriesPart, moment: AskingMoment) -> AskOutcome | None:
    """Return why no weeks of a booking are cancelled; None: they are. Which weeks there are only Cal.com knows."""
    if part.week.tzinfo is None:
        return AskOutcome.NO_OFFSET
    if row.status is not Status.CONFIRMED:
        return AskOutcome.ENDED if row.status in FINAL else AskOutcome.NOT_BOOKED_YET
    if row.series_uid is None:
        return AskOutcome.NO_SERIES
    if any(change.ends_booking for change in moment.opened):
        return AskOutcome.BEING_CANCELLED
    return AskOutcome.WEEK_BEGUN if part.week <= moment.now else None


def same_of(opened: list[BookingChange], ask: Ask) -> BookingChange | None:
    """Return the latest of these changes of a whole booking if it is what is asked for."""
    return opened[-1] if opened and (opened[-1].wanted, opened[-1].part) == (ask.start, None) else None


def keep(conn: Connection, row: Appointment, ask: Ask, status: ChangeStatus, moment: AskingMoment) -> BookingChange:
    """Store a change, as `db.changes.asking.keep` does."""
    reason = (ask.reason or "").strip() or REASONS[ChangeKind.CANCEL if ask.start is None else ChangeKind.RESCHEDULE]
    by, lead = ask.who or ask.by, dependencies.current().timings.lead
    new = NewChange(
        start=ask.start, reason=reason, by=by, via=ask.via, key=ask.key, asked_at=ask.asked_at, part=ask.part
    )
    return asking.keep(conn, row, new, status, lead_seconds=lead, now=moment.now)


def wait(conn: Connection, row: Appointment, ask: Ask, moment: AskingMoment, meant: AskOutcome) -> AskResult:
    """Store a change that waits for the open outcome of a booking; no further POST of it goes until then."""
    if (same := same_of(moment.opened, ask)) is not None:
        return AskResult(row.id, meant, row.status, row.hold_reason, change=same, repeated=True)
    result = _look_soon(conn, row, ask, meant)
    if not result.done:
        return result
    _withdraw(conn, ask, moment)
    return replace(result, change=keep(conn, row, ask, ChangeStatus.WAITING, moment))


def _look_soon(conn: Connection, row: Appointment, ask: Ask, meant: AskOutcome) -> AskResult:
    """Have a booking of open outcome looked up if nothing else does that soon; that its cancel is asked for is told.

    That it is not posted at its start any more, its row says as soon as the change is stored (`move_requested`).
    """
    if row.status is Status.HELD and row.hold_reason in WAIT_FOR_NO_TIME:
        event = ask.event | {"why": f"look before it is cancelled or moved: {ask.why}"}
        released = move_as_read(conn, row, Status.PENDING, event, FRESH_COUNTS)
        return result_of(row, AskOutcome.MOVED_ON if released is None else meant, released=released)
    if ask.start is None and not row.cancel_requested:
        appointments.request_cancel(conn, row.id, row.status, **ask.event)
    return result_of(row, meant)

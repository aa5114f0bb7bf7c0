"""Ask for a change of a booking: what is refused without a call, what needs no call, and what goes to Cal.com.

The booking's row is locked, so that of two who ask at once one sees what the other has asked for.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from db import appointments
from db.appointments import Appointment
from db.changes import asking
from db.changes.asking import AskingMoment, NewChange
from db.changes.change import BookingChange, SeriesPart
from db.lifecycle import FINAL, ChangeStatus, Status
from db.models.changes import ChangeKind
from tasks import dependencies
from tasks.changes.ask.ask import (
    FRESH_COUNTS,
    WAIT_FOR_NO_TIME,
    Ask,
    AskOutcome,
    AskResult,
    move_as_read,
    result_of,
)

REASONS = {ChangeKind.CANCEL: "Cancelled on request", ChangeKind.RESCHEDULE: "Moved on request"}
"""What Cal.com tells the attendee if nobody says more; Cal.com refuses a cancel without a reason."""


def new_change(start: datetime | None, command: Ask) -> NewChange:
    """Return the wish of a command; `start` None: a cancel."""
    kind = ChangeKind.CANCEL if start is None else ChangeKind.RESCHEDULE
    reason = (command.reason or "").strip() or REASONS[kind]
    by = command.who or command.by
    return NewChange(
        start_at=start,
        reason=reason,
        by=by,
        via=command.via,
        key=command.key,
        asked_at=command.asked_at,
        part=command.part,
    )


def known(row: Appointment, start: datetime | None, command: Ask, moment: AskingMoment) -> AskResult | None:
    """Return the result of a wish that is refused for its account, or that is known by its key; else None.

    What is open still at a closed account comes to nothing.
    """
    if command.account not in {None, moment.account}:
        return result_of(row, AskOutcome.OTHER_ACCOUNT)
    change = moment.keyed
    if change is None:
        return None
    if (change.wanted, change.part) != (start, command.part):
        return result_of(row, AskOutcome.KEY_REUSED)
    if not (moment.is_open or change.over):
        return result_of(row, AskOutcome.ACCOUNT_CLOSED)
    return AskResult(row.id, _asked(start, command), row.status, change=change, repeated=True)


def _asked(start: datetime | None, command: Ask) -> AskOutcome:
    """Return the outcome of a wish that goes to Cal.com."""
    if start is not None:
        return AskOutcome.MOVE_ASKED
    return AskOutcome.CANCEL_ASKED if command.part is None else AskOutcome.WEEKS_CANCEL_ASKED


def ask(conn: Connection, row: Appointment, start: datetime | None, command: Ask, moment: AskingMoment) -> AskResult:
    """Store a change of a confirmed booking, which Cal.com has; it waits for one that was sent before."""
    outcome, opened = _asked(start, command), moment.opened
    if (same := same_of(opened, start)) is not None:
        return AskResult(row.id, outcome, row.status, change=same, repeated=True)
    if row.is_over(moment.now):
        return result_of(row, AskOutcome.OVER)
    withdrawn = asking.withdraw(conn, opened, by=command.by, why="a newer wish came before it was sent")
    status = ChangeStatus.WAITING if len(withdrawn) < len(opened) else ChangeStatus.PENDING
    change = keep(conn, row, start, command, status, moment.now)
    released = change if status is ChangeStatus.PENDING else None
    return AskResult(row.id, outcome, row.status, released=released, change=change)


def ask_weeks(conn: Connection, row: Appointment, part: SeriesPart, command: Ask, moment: AskingMoment) -> AskResult:
    """Store the cancel of some weeks of a series; it waits for each change that was asked for before.

    Those of other weeks stay: each is a wish of its own.
    """
    outcome = _asked(None, command)
    if not moment.is_open:
        return result_of(row, AskOutcome.ACCOUNT_CLOSED)
    if (same := next((one for one in moment.opened if one.part == part), None)) is not None:
        return AskResult(row.id, outcome, row.status, change=same, repeated=True)
    if (refused := _refused_weeks(row, part, moment)) is not None:
        return result_of(row, refused)
    status = ChangeStatus.WAITING if moment.opened else ChangeStatus.PENDING
    change = keep(conn, row, None, command, status, moment.now)
    released = change if status is ChangeStatus.PENDING else None
    return AskResult(row.id, outcome, row.status, released=released, change=change)


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


def held_for_a_person(conn: Connection, row: Appointment) -> BookingChange | None:
    """Return the change of a booking whose outcome is unknown, and which is held until a person acts; None: none is."""
    held = [one for one in asking.open_of(conn, row.id) if one.outcome_unknown and one.hold_reason in WAIT_FOR_NO_TIME]
    return held[0] if held else None


def same_of(opened: list[BookingChange], start: datetime | None) -> BookingChange | None:
    """Return the latest of these changes if it is this very wish."""
    return opened[-1] if opened and (opened[-1].wanted, opened[-1].part) == (start, None) else None


def keep(
    conn: Connection,
    row: Appointment,
    start: datetime | None,
    command: Ask,
    status: ChangeStatus,
    now: datetime,
) -> BookingChange:
    """Store a change, as `db.changes.asking.keep` does."""
    new, lead = new_change(start, command), dependencies.current().timings.lead
    return asking.keep(conn, row, new, status, lead_seconds=lead, now=now)


def wish(
    conn: Connection,
    row: Appointment,
    start: datetime | None,
    command: Ask,
    moment: AskingMoment,
    meant: AskOutcome,
) -> AskResult:
    """Store a wish that waits for the open outcome of a booking, and stands against further POSTs of it until then."""
    if (same := same_of(moment.opened, start)) is not None:
        return AskResult(row.id, meant, row.status, row.hold_reason, change=same, repeated=True)
    result = _look_soon(conn, row, command, meant, is_cancel=start is None)
    if not result.done:
        return result
    asking.withdraw(conn, moment.opened, by=command.by, why="a newer wish came before it was sent")
    return replace(result, change=keep(conn, row, start, command, ChangeStatus.WAITING, moment.now))


def _look_soon(conn: Connection, row: Appointment, command: Ask, meant: AskOutcome, *, is_cancel: bool) -> AskResult:
    """Have a booking of open outcome looked up if nothing else does that soon; that its cancel is asked for is told.

    That it is not posted at its start any more, its row says as soon as the wish is stored (`move_requested`).
    """
    if row.status is Status.HELD and row.hold_reason in WAIT_FOR_NO_TIME:
        event = command.event | {"why": f"look before it is cancelled or moved: {command.why}"}
        released = move_as_read(conn, row, Status.PENDING, event, FRESH_COUNTS)
        return result_of(row, AskOutcome.MOVED_ON if released is None else meant, released=released)
    if is_cancel and not row.cancel_requested:
        appointments.request_cancel(conn, row.id, row.status, **command.event)
    return result_of(row, meant)

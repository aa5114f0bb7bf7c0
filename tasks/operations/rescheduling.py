"""Move bookings to another start, the same from Python, the command line and the page."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from db import appointments
from db.appointments import Appointment
from db.changes import asking
from db.changes.asking import AskingMoment
from db.lifecycle import FINAL, ChangeStatus, Status
from tasks import dependencies
from tasks.operations import change_asking
from tasks.operations.booking_commands import Command, CommandOutcome, CommandResult, result_of

RESCHEDULE = "reschedule"


def reschedule_in(conn: Connection, booking_id: int, start: datetime, command: Command) -> CommandResult:
    """Move a booking: at Cal.com, if it is there; if its outcome is unknown, once that is known."""
    row = appointments.get(conn, booking_id, lock=True)
    missing = CommandResult(booking_id, CommandOutcome.MISSING)
    return missing if row is None else reschedule_locked(conn, row, start, command)


def reschedule_locked(conn: Connection, row: Appointment, start: datetime, command: Command) -> CommandResult:
    """Move a booking that is locked, as `reschedule_in` does."""
    if start.tzinfo is None:
        return result_of(row, CommandOutcome.NO_OFFSET)
    if start.microsecond:
        return result_of(row, CommandOutcome.NOT_WHOLE)
    wanted, moment = start.astimezone(UTC), asking.moment_of(conn, row, command.key)
    if (known := change_asking.known(row, wanted, command, moment)) is not None:
        return known
    refused = _refused(row, wanted, moment)
    if refused is not None:
        return result_of(row, refused)
    match meant := reschedule_outcome(row):
        case CommandOutcome.MOVE_ASKED:
            return change_asking.ask(conn, row, wanted, command, moment)
        case CommandOutcome.MOVED_LATER:
            return change_asking.wish(conn, row, wanted, command, moment, meant)
    return _ask_at(conn, row, wanted, command, moment.now)


def reschedule_outcome(row: Appointment) -> CommandOutcome:
    """Return the outcome that a move of this row would have now, if nothing refuses it."""
    if row.status is Status.CONFIRMED:
        return CommandOutcome.MOVE_ASKED
    may_be_booked = row.outcome_unknown or row.status is Status.BOOKING or row.calcom_booking_uid is not None
    return CommandOutcome.MOVED_LATER if may_be_booked else CommandOutcome.MOVED


def _refused(row: Appointment, start: datetime, moment: AskingMoment) -> CommandOutcome | None:
    """Return why a booking is not moved to a start; None: it is."""
    lead = timedelta(seconds=dependencies.current().timings.lead)
    return CommandOutcome.PAST if start <= moment.now + lead else refused_at_any_start(row, moment)


def refused_at_any_start(row: Appointment, moment: AskingMoment) -> CommandOutcome | None:
    """Return why a booking is moved to no start at all; None: it may be moved."""
    if row.status in FINAL - {Status.CONFIRMED}:
        return CommandOutcome.ENDED
    if not moment.is_open:
        return CommandOutcome.ACCOUNT_CLOSED
    if any(change.ends_booking for change in moment.opened):
        return CommandOutcome.BEING_CANCELLED
    return CommandOutcome.SERIES if row.series_uid is not None else None


def _ask_at(conn: Connection, row: Appointment, wanted: datetime, command: Command, now: datetime) -> CommandResult:
    """Have a booking that is certainly not at Cal.com asked for at another start: no call is needed for that."""
    if row.start_at == wanted:
        return result_of(row, CommandOutcome.SAME_START)
    values = asking.at_start(row, wanted, lead_seconds=dependencies.current().timings.lead)
    if asking.is_taken(conn, row, values):
        return result_of(row, CommandOutcome.TAKEN_BY_OWN)
    asking.ask_at(conn, row, values)
    change = change_asking.keep(conn, row, wanted, command, ChangeStatus.DONE, now)
    return CommandResult(row.id, CommandOutcome.MOVED, row.status, row.hold_reason, change=change)

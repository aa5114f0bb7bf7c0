"""Move bookings to another start, the same from Python, the command line and the page."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from db import appointments
from db.appointments import Appointment
from db.changes import asking
from db.lifecycle import FINAL, ChangeStatus, Status
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.operations import change_asking
from tasks.operations.booking_commands import Command, CommandOutcome, CommandResult, result_of, send_released
from tasks.operations.change_asking import AskingMoment
from tasks.operations.change_words import sentence_of

RESCHEDULE = "reschedule"


def reschedule(
    engine: Engine, booking_id: int, start: datetime, command: Command, asked: ActionRequest
) -> CommandResult:
    """Move a booking as `reschedule_in` does, record that with it, and send the message that follows."""
    with engine.begin() as conn:
        result = reschedule_in(conn, booking_id, start, command)
        refused = None if result.done else f"{booking_id}: {sentence_of(result)}"
        operator_actions.record(conn, asked, result.outcome, bookings=int(result.done), refused=refused)
    return send_released(result)


def reschedule_in(conn: Connection, booking_id: int, start: datetime, command: Command) -> CommandResult:
    """Move a booking: at Cal.com, if it is there; if its outcome is unknown, once that is known."""
    row = appointments.get(conn, booking_id, lock=True)
    if row is None:
        return CommandResult(booking_id, CommandOutcome.MISSING)
    if start.tzinfo is None:
        return result_of(row, CommandOutcome.NO_OFFSET)
    wanted = start.astimezone(UTC)
    if (known := change_asking.known(conn, row, wanted, command)) is not None:
        return known
    moment = change_asking.moment_of(conn, row)
    refused = _refused(row, wanted, moment)
    if refused is not None:
        return result_of(row, refused)
    if row.status is Status.CONFIRMED:
        return _ask(conn, row, wanted, command, moment)
    if row.outcome_unknown or row.status is Status.BOOKING or row.calcom_booking_uid is not None:
        return change_asking.wish(conn, row, wanted, command, moment, CommandOutcome.MOVED_LATER)
    return _ask_at(conn, row, wanted, command, moment.now)


def _refused(row: Appointment, start: datetime, moment: AskingMoment) -> CommandOutcome | None:
    """Return why a booking is not moved to a start; None: it is."""
    lead = timedelta(seconds=dependencies.current().timings.lead)
    if start <= moment.now + lead:
        return CommandOutcome.PAST
    if row.status in FINAL - {Status.CONFIRMED}:
        return CommandOutcome.ENDED
    if any(change.wanted is None for change in moment.opened):
        return CommandOutcome.BEING_CANCELLED
    return CommandOutcome.SERIES if row.series_uid is not None else None


def _ask(conn: Connection, row: Appointment, wanted: datetime, command: Command, moment: AskingMoment) -> CommandResult:
    if (row.booked_start_at or row.start_at) == wanted and not moment.opened:
        return result_of(row, CommandOutcome.SAME_START)
    return change_asking.ask(conn, row, wanted, command, moment)


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

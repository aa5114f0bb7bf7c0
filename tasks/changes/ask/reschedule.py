"""Move a booking to another start."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from db.appointments import Appointment
from db.changes import asking
from db.changes.asking import AskingMoment
from db.lifecycle import FINAL, ChangeStatus, Status
from tasks import dependencies
from tasks.changes.ask import store
from tasks.changes.ask.ask import Ask, AskOutcome, AskResult, result_of

RESCHEDULE = "reschedule"


def reschedule_locked(conn: Connection, row: Appointment, start: datetime, ask: Ask) -> AskResult:
    """Move a booking that is locked, by what is known of it."""
    if start.tzinfo is None:
        return result_of(row, AskOutcome.NO_OFFSET)
    if start.microsecond:
        return result_of(row, AskOutcome.NOT_WHOLE)
    wanted, moment = start.astimezone(UTC), asking.moment_of(conn, row, ask.key)
    ask = replace(ask, start=wanted)
    if (known := store.known(row, ask, moment)) is not None:
        return known
    refused = _refused(row, wanted, moment)
    if refused is not None:
        return result_of(row, refused)
    match meant := reschedule_outcome(row):
        case AskOutcome.MOVE_ASKED:
            return store.send(conn, row, ask, moment)
        case AskOutcome.MOVED_LATER:
            return store.wait(conn, row, ask, moment, meant)
    return _ask_at(conn, row, wanted, ask, moment)


def reschedule_outcome(row: Appointment) -> AskOutcome:
    """Return the outcome that a move of this row would have now, if nothing refuses it."""
    if row.status is Status.CONFIRMED:
        return AskOutcome.MOVE_ASKED
    may_be_booked = row.outcome_unknown or row.status is Status.BOOKING or row.calcom_booking_uid is not None
    return AskOutcome.MOVED_LATER if may_be_booked else AskOutcome.MOVED


def _refused(row: Appointment, start: datetime, moment: AskingMoment) -> AskOutcome | None:
    """Return why a booking is not moved to a start; None: it is."""
    lead = timedelta(seconds=dependencies.current().timings.lead)
    return AskOutcome.PAST if start <= moment.now + lead else refused_at_any_start(row, moment)


def refused_at_any_start(row: Appointment, moment: AskingMoment) -> AskOutcome | None:
    """Return why a booking is moved to no start at all; None: it may be moved."""
    if row.status in FINAL - {Status.CONFIRMED}:
        return AskOutcome.ENDED
    if not moment.is_open:
        return AskOutcome.ACCOUNT_CLOSED
    if any(change.ends_booking for change in moment.opened):
        return AskOutcome.BEING_CANCELLED
    return AskOutcome.SERIES if row.series_uid is not None else None


def _ask_at(conn: Connection, row: Appointment, wanted: datetime, ask: Ask, moment: AskingMoment) -> AskResult:
    """Have a booking that is certainly not at Cal.com asked for at another start: no call is needed for that."""
    if row.start_at == wanted:
        return result_of(row, AskOutcome.SAME_START)
    values = asking.at_start(row, wanted, lead_seconds=dependencies.current().timings.lead)
    if asking.is_taken(conn, row, values):
        return result_of(row, AskOutcome.TAKEN_BY_OWN)
    asking.ask_at(conn, row, values)
    change = store.keep(conn, row, ask, ChangeStatus.DONE, moment)
    return AskResult(row.id, AskOutcome.MOVED, row.status, row.hold_reason, change=change)

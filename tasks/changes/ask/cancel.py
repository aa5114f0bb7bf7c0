"""Cancel a booking, or weeks of a series."""

from sqlalchemy import Connection

from db.appointments import Appointment
from db.changes import asking
from db.changes.asking import AskingMoment
from db.lifecycle import FINAL, Status
from db.monitoring.operator_actions import Chosen
from tasks.changes.ask import store
from tasks.changes.ask.ask import (
    Ask,
    AskOutcome,
    AskResult,
    is_stale,
    move_as_read,
    open_for,
    result_of,
)
from tasks.work.moves import KNOWN


def cancel_locked(conn: Connection, row: Appointment, ask: Ask) -> AskResult:
    """Cancel a booking that is locked, by what is known of it."""
    if is_stale(row, ask):
        return result_of(row, AskOutcome.MOVED_ON)
    moment = asking.moment_of(conn, row, ask.key)
    if (known := store.known(row, ask, moment)) is not None:
        return known
    if ask.part is not None:
        return store.send_weeks(conn, row, ask.part, ask, moment)
    return _cancel_whole(conn, row, ask, moment)


def _cancel_whole(conn: Connection, row: Appointment, ask: Ask, moment: AskingMoment) -> AskResult:
    meant = cancel_outcome(row, not_booked=ask.not_booked, spares_booked=ask.spares_booked)
    if meant in {AskOutcome.ENDED, AskOutcome.BOOKED}:
        return result_of(row, meant)
    if meant is AskOutcome.CANCELLED and row.calcom_booking_uid is not None:  # the uid came with a late answer
        meant = AskOutcome.CANCELLED_AFTER_LOOKUP
    if meant is not AskOutcome.CANCELLED and not moment.is_open:
        return result_of(row, AskOutcome.ACCOUNT_CLOSED)
    if meant is AskOutcome.CANCEL_ASKED:
        return store.send(conn, row, ask, moment)
    if ask.not_booked and (seconds := open_for(conn, row)) > 0:
        return result_of(row, AskOutcome.STILL_OPEN, open_for=seconds)
    if meant is AskOutcome.CANCELLED:
        moved = move_as_read(conn, row, Status.CANCELLED, ask.event, KNOWN if ask.not_booked else {})
        return result_of(row, meant if moved else AskOutcome.MOVED_ON)
    return store.wait(conn, row, ask, moment, meant)


def cancel_outcome(row: Appointment | Chosen, *, not_booked: bool = False, spares_booked: bool = False) -> AskOutcome:
    """Return the outcome that a cancel of this row would have now."""
    if row.status is Status.CONFIRMED:
        return AskOutcome.BOOKED if spares_booked else AskOutcome.CANCEL_ASKED
    if row.status in FINAL:
        return AskOutcome.ENDED
    if row.status is Status.BOOKING:
        return AskOutcome.CANCELLED_AFTER_CALL
    open_still = row.outcome_unknown and not not_booked
    return AskOutcome.CANCELLED_AFTER_LOOKUP if open_still else AskOutcome.CANCELLED

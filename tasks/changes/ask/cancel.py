"""Cancel bookings, the same from Python, the command line, Flower and the page."""

from typing import Any

from sqlalchemy import Connection, Engine

from db import appointments
from db.appointments import Appointment
from db.changes import asking
from db.changes.asking import AskingMoment
from db.lifecycle import FINAL, Status
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest, Chosen
from tasks.changes.ask import store
from tasks.changes.ask.ask import (
    Ask,
    AskOutcome,
    AskResult,
    Via,
    is_stale,
    move_as_read,
    open_for,
    result_of,
    send_released,
)
from tasks.work.moves import KNOWN


def cancel(
    engine: Engine, booking_id: int, *, by: str, via: Via, why: str, not_booked: bool = False, **more: Any
) -> AskResult:
    """Cancel a booking as `cancel_in` does, and send its message, or its cancel's; `more` is of the Ask.

    A revoke from Flower reaches every worker; the worker that changes the row records an operator's action.
    """
    with engine.begin() as conn:
        result = cancel_in(conn, booking_id, Ask(by, via, why, not_booked, **more))
        if via is Via.FLOWER and result.done and not result.repeated:
            asked = ActionRequest(who=by, via=via, action="cancel", why=why, ids=(booking_id,))
            operator_actions.record(conn, asked, result.outcome)
    return send_released(result)


def cancel_in(conn: Connection, booking_id: int, command: Ask) -> AskResult:
    """Cancel a booking: at Cal.com, if it is there; if its outcome is unknown, once that is known.

    A call under way is never cut off, so that its answer is not lost.
    """
    row = appointments.get(conn, booking_id, lock=True)
    return AskResult(booking_id, AskOutcome.MISSING) if row is None else cancel_locked(conn, row, command)


def cancel_locked(conn: Connection, row: Appointment, command: Ask) -> AskResult:
    """Cancel a booking that is locked, as `cancel_in` does."""
    if is_stale(row, command):
        return result_of(row, AskOutcome.MOVED_ON)
    moment = asking.moment_of(conn, row, command.key)
    if (known := store.known(row, None, command, moment)) is not None:
        return known
    if command.part is not None:
        return store.ask_weeks(conn, row, command.part, command, moment)
    return _cancel_whole(conn, row, command, moment)


def _cancel_whole(conn: Connection, row: Appointment, command: Ask, moment: AskingMoment) -> AskResult:
    meant = cancel_outcome(row, not_booked=command.not_booked, spares_booked=command.spares_booked)
    if meant in {AskOutcome.ENDED, AskOutcome.BOOKED}:
        return result_of(row, meant)
    if meant is AskOutcome.CANCELLED and row.calcom_booking_uid is not None:  # the uid came with a late answer
        meant = AskOutcome.CANCELLED_AFTER_LOOKUP
    if meant is not AskOutcome.CANCELLED and not moment.is_open:
        return result_of(row, AskOutcome.ACCOUNT_CLOSED)
    if meant is AskOutcome.CANCEL_ASKED:
        return store.ask(conn, row, None, command, moment)
    if command.not_booked and (seconds := open_for(conn, row)) > 0:
        return result_of(row, AskOutcome.STILL_OPEN, open_for=seconds)
    if meant is AskOutcome.CANCELLED:
        moved = move_as_read(conn, row, Status.CANCELLED, command.event, KNOWN if command.not_booked else {})
        return result_of(row, meant if moved else AskOutcome.MOVED_ON)
    return store.wish(conn, row, None, command, moment, meant)


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

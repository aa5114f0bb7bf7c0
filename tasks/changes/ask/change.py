"""Cancel or move a booking as is asked, the same for each who asks: at Cal.com, if it is there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from db import appointments
from db.appointments import Appointment
from db.changes import asking
from db.changes.asking import AskingMoment
from db.lifecycle import FINAL, ChangeStatus, Status
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest, Chosen
from tasks import dependencies
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
)
from tasks.changes.ask.sending import send_released
from tasks.work.moves import KNOWN

RESCHEDULE = "reschedule"


def change_in(conn: Connection, booking_id: int, ask: Ask) -> AskResult:
    """Cancel or move a booking: at Cal.com, if it is there; if its outcome is unknown, once that is known.

    A call under way is never cut off, so that its answer is not lost.
    """
    row = appointments.get(conn, booking_id, lock=True)
    return AskResult(booking_id, AskOutcome.MISSING) if row is None else change_locked(conn, row, ask)


def change_locked(conn: Connection, row: Appointment, ask: Ask) -> AskResult:
    """Cancel or move a booking that is locked, as `change_in` does."""
    return _cancel(conn, row, ask) if ask.start is None else _reschedule(conn, row, ask.start, ask)


def cancel(
    engine: Engine, booking_id: int, *, by: str, via: Via, why: str, not_booked: bool = False, **more: Any
) -> AskResult:
    """Cancel a booking as `change_in` does, and send its message, or its cancel's; `more` is of the Ask.

    A revoke from Flower reaches every worker; the worker that changes the row records an operator's action.
    """
    with engine.begin() as conn:
        result = change_in(conn, booking_id, Ask(by, via, why, not_booked, **more))
        if via is Via.FLOWER and result.done and not result.repeated:
            asked = ActionRequest(who=by, via=via, action="cancel", why=why, ids=(booking_id,))
            operator_actions.record(conn, asked, result.outcome)
    return send_released(result)


def _cancel(conn: Connection, row: Appointment, ask: Ask) -> AskResult:
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


def _reschedule(conn: Connection, row: Appointment, start: datetime, ask: Ask) -> AskResult:
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

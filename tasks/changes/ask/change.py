"""Cancel or move a booking as is asked, the same for each who asks."""

from typing import Any

from sqlalchemy import Connection, Engine

from db import appointments
from db.appointments import Appointment
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from tasks.changes.ask.ask import Ask, AskOutcome, AskResult, Via, send_released
from tasks.changes.ask.cancel import cancel_locked
from tasks.changes.ask.reschedule import reschedule_locked


def change_in(conn: Connection, booking_id: int, ask: Ask) -> AskResult:
    """Cancel or move a booking: at Cal.com, if it is there; if its outcome is unknown, once that is known.

    A call under way is never cut off, so that its answer is not lost.
    """
    row = appointments.get(conn, booking_id, lock=True)
    return AskResult(booking_id, AskOutcome.MISSING) if row is None else change_locked(conn, row, ask)


def change_locked(conn: Connection, row: Appointment, ask: Ask) -> AskResult:
    """Cancel or move a booking that is locked, as `change_in` does."""
    return cancel_locked(conn, row, ask) if ask.start is None else reschedule_locked(conn, row, ask.start, ask)


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

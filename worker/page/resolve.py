"""Resolve a booking, or its held change, from its page: Cal.com is asked for it, in a thread of its own."""

import threading
import time

from db import appointments
from db.monitoring.operator_actions import OperatorAction
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.changes.resolve import OperatorWord
from tasks.changes.resolve import resolve as resolve_by
from tasks.changes.resolve_booking import Resolved, finish
from tasks.dependencies import Dependencies

PATIENCE = 20.0  # seconds that the calls wait for the rate limit, all together: a person looks at the dialog


def resolve(deps: Dependencies, action: OperatorAction) -> None:
    """Carry out a recorded action, and record what became of it.

    Raises:
        SQLAlchemyError: Postgres does not answer; the same action may be carried out again.
    """
    ends_at = time.monotonic() + PATIENCE

    def pause(seconds: float) -> None:
        if time.monotonic() + seconds > ends_at:
            raise AuditHalted("the limit of calls is reached; try again in a minute")
        threading.Event().wait(seconds)

    [booking_id] = action.ids or ()
    with deps.engine.connect() as conn:
        row = appointments.get(conn, booking_id)
    calls = AuditCalls(deps, pause=pause)
    try:
        if row:
            calls.use(row.account_id)
        done = resolve_by(calls, row, OperatorWord.of(action.target)) if row else _gone(booking_id)
    except AuditHalted as halted:
        done = Resolved(ok=False, said=f"{halted}; nothing was changed")
    finish(deps.engine, action.id, done)


def _gone(booking_id: int) -> Resolved:
    return Resolved(ok=False, said=f"{booking_id}: it is not there any more")

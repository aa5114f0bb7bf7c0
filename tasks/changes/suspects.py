"""Lookups of suspect changes: what Cal.com shows ends them, and nothing of them is posted."""

import math
import time
from typing import Any

from db import appointments
from db.appointments import Appointment
from db.changes.change import BookingChange
from db.lifecycle import OVER, ChangeStatus
from db.queue import sweeps as queue
from db.queue.kinds import CHANGES
from resilience.circuit_breaker.types import Denied, Reason, State
from tasks.accounts.door import NoAccess
from tasks.attempts import outcome
from tasks.attempts.attempt import rules_of
from tasks.changes.attempt import ChangeAttempt
from tasks.changes.claim import ChangeClaim, end_held
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls
from tasks.work.moves import CallMade

_TOLD = OVER - {ChangeStatus.FAILED}  # that it stands as before is for the operator, who may send it again


class _ReadOnlyCalls(GuardedCalls):
    """Read what Cal.com shows of a suspect: no POST of it is permitted."""

    def permit_post(self, *_given: Any, **_more: Any) -> Denied:
        """Deny a POST."""
        return Denied(Reason.BREAKER_OPEN, None, State.CLOSED, 0)


def look_at_suspects(built: Dependencies, limit: int) -> int:
    """Look up suspect changes, and end those that Cal.com shows to be over; return how many. Others wait an hour."""
    with built.engine.begin() as conn:
        due = queue.suspects_due(conn, CHANGES, limit, again_seconds=outcome.LONGEST_PAUSE)
        found = [(one, appointments.get(conn, one.appointment_id)) for one in due]
    return sum(_ended(built, change, booking) for change, booking in found if booking is not None)


def _ended(built: Dependencies, change: BookingChange, booking: Appointment) -> bool:
    try:
        deps = built.for_account(change.account_id)
    except NoAccess:  # in an hour again
        return False
    made = list[CallMade | None]()
    calls = _ReadOnlyCalls(
        deps,
        change.correlation_id,
        patience=deps.timings.margin,
        on_report=lambda _, call: made.append(call),
    )
    now = time.monotonic()
    unclaimed = ChangeClaim(deps, change, math.inf, False, None, False, time.monotonic, now, None, booking=booking)
    move = ChangeAttempt(unclaimed, calls, rules_of(deps)).move()
    detail = {"calls": [call for call in made if call]}
    return move.to in _TOLD and end_held(deps, change, lambda _: move, by="sweeper", detail=detail)

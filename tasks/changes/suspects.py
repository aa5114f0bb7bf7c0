"""Lookups of suspect changes: what Cal.com shows ends them, and nothing of them is posted."""

import math
import time
from typing import Any

from db import appointments
from db.appointments import Appointment
from db.changes import moves, sweeps
from db.changes.change import BookingChange
from db.lifecycle import OVER, ChangeStatus, Status
from tasks.accounts.door import NoAccess
from tasks.attempt import Report, means_of
from tasks.changes.attempting import ChangeAttempt
from tasks.changes.claimed import ChangeClaim
from tasks.dependencies import Dependencies
from tasks.moves import CallMade, Move, Posted
from tasks.publish import send
from tasks.unknown import outcome

_STAYS = Move(Status.HELD, "a suspect is not posted")
_TOLD = OVER - {ChangeStatus.FAILED}  # that it stands as before is for the operator, who may send it again


class _SuspectClaim(ChangeClaim):
    """A suspect change, which nobody has claimed."""

    def renew(self, **_columns: Any) -> Appointment:
        """Return its booking: there is no lease."""
        return self.row


class _SuspectLook(ChangeAttempt):
    """An attempt that ends where it would post."""

    def _post(self, *_given: Any, **_more: Any) -> Move:
        return _STAYS

    def _sent(self, *_given: Any, **_more: Any) -> Posted | Move:
        return _STAYS


def look_at_suspects(built: Dependencies, limit: int) -> int:
    """Look up suspect changes, and end those that Cal.com shows to be over; return how many. Others wait an hour."""
    with built.engine.begin() as conn:
        due = sweeps.suspects_due(conn, limit, again_seconds=outcome.LONGEST_PAUSE)
        found = [(one, appointments.get(conn, one.appointment_id)) for one in due]
    return sum(_ended(built, change, booking) for change, booking in found if booking is not None)


def _ended(built: Dependencies, change: BookingChange, booking: Appointment) -> bool:
    try:
        deps = built.for_account(change.account_id)
    except NoAccess:  # in an hour again
        return False
    reports: list[Report] = []
    now = time.monotonic()
    claim = _SuspectClaim(deps, booking, math.inf, False, None, False, time.monotonic, now, None, change=change)
    move = _SuspectLook(claim, *means_of(claim, reports)).move()
    return move.to in _TOLD and _write(deps, change, move, [call for _, call in reports if call])


def _write(deps: Dependencies, change: BookingChange, move: Move, calls: list[CallMade]) -> bool:
    """End the change if it is still as it was read; then the next one of its uid may go."""
    to = ChangeStatus(move.to.value)
    with deps.engine.begin() as conn:
        appointments.get(conn, change.appointment_id, lock=True)  # first the booking, as everybody locks
        now = moves.get(conn, change.id, lock=True)
        if now is None or now.updated_at != change.updated_at:
            return False
        detail = {"calls": calls}
        moves.move(conn, change.id, ChangeStatus.HELD, to, why=move.why, by="sweeper", detail=detail, **move.changes)
        if move.also is not None:
            move.also(conn)
        following = sweeps.let_next_go(conn, left=[change])
    send(deps, following)
    return True

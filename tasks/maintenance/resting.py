"""The guard of rows that are let go in vain: held again without a call, again and again, whatever the reason.

What lets a row go and what holds it read the same state, and mostly agree. Where they do not (a rule that says two
things, processes with other settings), the row would go round many times a second, and each round writes events.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from db.appointments import FromNow, events
from db.appointments.queue import PACED
from db.changes.change import BookingChange
from db.lifecycle import HoldReason
from db.monitoring import incidents
from db.monitoring.incidents import IncidentKind
from tasks.attempts.attempt import rules_of
from tasks.host.log import Logger
from tasks.work.claim import Claim
from tasks.work.moves import Move

FREE = 3  # holds without a call in a minute: a breaker may open, or the limit be used up, right after the release
TOO_OFTEN = 10  # in ten minutes: an incident; in one there are fewer, for the row rests
MINUTE, TEN_MINUTES = 60.0, 600.0  # seconds
_BY_STATE = frozenset({*PACED, HoldReason.CREDENTIALS, HoldReason.CONFIGURATION, HoldReason.UNREACHABLE})

log = Logger(__name__)


def rested(claim: Claim[Any], move: Move) -> Move:
    """Return the hold to be written: a row that was let go in vain several times rests for OPEN, at most a minute."""
    reason = move.columns.get("hold_reason")
    joins_line = reason in PACED and not claim.released
    if move.calls or reason not in _BY_STATE or joins_line:
        return move
    try:
        times = _count(claim, reason)
    except SQLAlchemyError as exc:  # the move is written next; if it is not, the lease runs out
        log.warning("holds_not_counted", error=type(exc).__name__)
        return move
    if times < FREE:
        return move
    log.warning("let_go_in_vain", appointment_id=claim.booking_id, times=times + 1, held_for=reason)
    pause = rules_of(claim.deps).before_start(claim.row, min(claim.deps.timings.open, MINUTE))
    rest: dict[str, Any] = {"hold_until": FromNow(pause)}
    if reason is not HoldReason.CREDENTIALS:  # a key that cannot be used is told by this reason
        rest |= {"hold_reason": HoldReason.UNREACHABLE, "held_for": None}
    return replace(move, why=f"{move.why}; it was let go in vain, and pauses", columns={**move.columns, **rest})


def _count(claim: Claim[Any], reason: HoldReason) -> int:
    """Count the holds of a row without a call in the last minute; report the tenth in ten minutes to operators.

    A hold for UNREACHABLE is not reported: while an endpoint is sick, each row that waits for it has one each OPEN.
    """
    change = claim.row.id if isinstance(claim.row, BookingChange) else None
    with claim.deps.autocommit.connect() as conn:
        times, lately = events.held_without_call(conn, claim.booking_id, change=change, seconds=(MINUTE, TEN_MINUTES))
        if lately + 1 == TOO_OFTEN and reason is not HoldReason.UNREACHABLE:
            first = {"first_id": str(claim.booking_id)}
            incidents.add_occurrences(conn, IncidentKind.LET_GO_IN_VAIN, None, 1, detail=first)
    return times

"""The plain ends of bookings, written together: what has ended while others were written is one durable transaction.

A plain end is a confirmation by the answer to the POST, under a breaker that was closed. Everything else is written by
itself, at once. What fails together is written again by each thread for itself, as if it had never been together.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.lifecycle import Status
from resilience.circuit_breaker.successes import KeptSuccess, record_together
from resilience.circuit_breaker.types import Recorded
from tasks.host import lane
from tasks.host.log import Logger
from tasks.work.claim import BookingClaim
from tasks.work.moves import Move

log = Logger(__name__)


class Ending(NamedTuple):
    """Hold what is written at a plain end: the move of a claimed booking, and the success of its POST."""

    claim: BookingClaim
    move: Move
    success: KeptSuccess


def may_wait(move: Move) -> bool:
    """Return whether a move is a plain end, if its POST was a plain success."""
    return move.to is Status.CONFIRMED and not (move.also or move.notable)


def end(ending: Ending) -> tuple[Move | None, Recorded]:
    """Write the end of a booking, out of its lane; return the move written (None: the row is no longer ours).

    Raises:
        SQLAlchemyError: As `Claim.write`.
    """
    lane.leave()
    is_written, recorded = ending.claim.deps.ends.ask(ending, _end_together)
    return ending.move if is_written else ending.claim.write(ending.move), recorded


def _end_together(endings: Sequence[Ending]) -> list[tuple[bool, Recorded]]:
    if len(endings) == 1:
        [one] = endings
        recorded = one.success.record()
        return [(one.claim.write_once(one.move) is not None, recorded)]
    together = record_together([one.success for one in endings])
    return list(zip(_written(endings), together, strict=True))


def _written(endings: Sequence[Ending]) -> list[bool]:
    """Return which of them are written."""
    try:
        with endings[0].claim.deps.autocommit.connect() as conn:
            return appointments.confirm_together(conn, [one.claim.confirmation(one.move) for one in endings])
    except SQLAlchemyError as error:
        log.warning("ends_apart", ends=len(endings), error=type(error).__name__)
        return [False] * len(endings)

"""The plain ends of bookings, written together: what has ended while others were written is one durable transaction.

A plain end is the confirmation of a booking that was not let go from the line. Every other move is written by itself,
at once. What fails together is written again by each thread for itself, as if it had never been together. The breaker
has heard of the call before: its count, and the rate limit that Cal.com told, do not wait.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from db import appointments
from db.lifecycle import Status
from tasks.host import lane
from tasks.host.log import Logger
from tasks.work.claim import BookingClaim, Claim
from tasks.work.moves import Move

log = Logger(__name__)


class Ending(NamedTuple):
    """Hold what is written at a plain end: the move of a claimed booking."""

    claim: BookingClaim
    move: Move


def write(claim: Claim[Any], move: Move) -> Move | None:
    """Write the move of an attempt, as `Claim.write`; a plain end is written with those of others, out of its lane.

    Raises:
        SQLAlchemyError: As `Claim.write`.
    """
    if not (isinstance(claim, BookingClaim) and _is_plain(claim, move)):
        return claim.write(move)
    lane.leave()
    return move if claim.deps.ends.ask(Ending(claim, move), _write_together) else claim.write(move)


def _is_plain(claim: BookingClaim, move: Move) -> bool:
    return move.to is Status.CONFIRMED and not (claim.released or move.also or move.notable)


def _write_together(endings: Sequence[Ending]) -> list[bool]:
    """Return which of them are written; not one whose row is locked, or no longer its own."""
    try:
        with endings[0].claim.deps.autocommit.connect() as conn:
            return appointments.confirm_together(conn, [one.claim.confirmation(one.move) for one in endings])
    except Exception as error:  # noqa: BLE001 - whatever one of them has made is no other one's
        for one in endings:
            one.claim.failed(error)
        log.warning("ends_apart", ends=len(endings), error=type(error).__name__)
        return [False] * len(endings)

"""The tasks that book, cancel and move: claim, attempt, write the move."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from celery.exceptions import Ignore
from sqlalchemy.exc import SQLAlchemyError

from booking_client import correlation
from db.lifecycle import Status
from resilience.error_types import ErrorType
from tasks import dependencies
from tasks.attempts.attempt import AttemptResult, attempt
from tasks.changes.attempt import attempt_change
from tasks.changes.claim import claim_change
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.maintenance.recovery import ask_at_once
from tasks.maintenance.release import release_paced, release_when_open_ends
from tasks.maintenance.resting import rested
from tasks.work import ends
from tasks.work.base import BookingTask, ComeAgain
from tasks.work.claim import Claim, claim
from tasks.work.moves import Move
from tasks.work.publish import AT_ONCE, CHANGE_TASK, RELEASED, TASK, tell

log = Logger(__name__)
C = TypeVar("C", bound=Claim[Any])


@app.task(bind=True, base=BookingTask, name=TASK)
def book_appointment(self: BookingTask, appointment_id: int) -> str:
    """Book one appointment at Cal.com; any number of deliveries of the same id book it once."""
    return carry_out(self, appointment_id, claim, attempt)


@app.task(bind=True, base=BookingTask, name=CHANGE_TASK)
def change_booking(self: BookingTask, change_id: int) -> str:
    """Cancel or move one booking at Cal.com; any number of deliveries of the same id do it once."""
    return carry_out(self, change_id, claim_change, attempt_change)


def carry_out(
    task: BookingTask, number: int, claim: Callable[..., C | None], attempt: Callable[[C], AttemptResult]
) -> str:
    """Claim a row by its id, attempt it, write the move, and return the state in which it is now.

    Raises:
        ComeAgain, Ignore: As `_follow`; or there is nothing to claim.
    """
    if type(number) is not int:
        log.warning("no_such_id", given=type(number).__name__)
        raise Ignore
    released, at_once = bool(task.request.get(RELEASED)), bool(task.request.get(AT_ONCE))
    deps = dependencies.current()
    claimed = claim(deps, number, released=released, at_once=at_once)
    if claimed is None:
        raise Ignore  # a second delivery, or the row is in another state by now
    with correlation.bound(claimed.row.correlation_id):
        result = attempt(claimed)
        move = result.move
        if move is not None:
            move = ends.write(claimed, rested(claimed, move) if move.to is Status.HELD else move)
        _let_others_go(claimed.deps, result)
        if move is None:
            log.warning("lease_lost", appointment_id=claimed.booking_id)
            raise Ignore
        return _follow(deps, claimed, move)


def _follow(deps: Dependencies, claimed: Claim[Any], move: Move) -> str:
    """Return the state in which the booking, or the change, is now.

    Raises:
        ComeAgain: Its task is to be sent again.
        Ignore: It is held; the release sends its task.
    """
    row = claimed.row
    error = move.columns.get("error_type")  # the next line logs the event type's id: its slug would name a host
    log.info(
        "moved", appointment_id=claimed.booking_id, to=move.to.value, why=move.why, error=error,
        event_type=row.event_type_id,
    )  # fmt: skip
    if move.to is Status.RETRYING:
        retries = move.columns.get("retry_count", row.retry_count)
        raise ComeAgain(replace(row, retry_count=retries), move.retry_in or 0.0, move.why)
    if move.to is Status.HELD:
        if error == ErrorType.CONFIGURATION:
            ask_at_once(deps)
        tell(deps, "task-held", row)
        raise Ignore
    return move.to.value


def _let_others_go(deps: Dependencies, result: AttemptResult) -> None:
    """Release the held bookings that may go after this attempt; if that fails, beat releases them."""
    try:
        if result.opened:
            release_when_open_ends(deps)
        elif result.makes_room:
            release_paced(deps, result.room)
    except SQLAlchemyError as exc:
        log.warning("release_failed", error=type(exc).__name__, next="beat releases")

"""Retry bookings, and changes of them, the same from the command line, Flower and the page."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine

from db import accounts, appointments
from db.appointments import Appointment
from db.changes import asking, moves
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.monitoring.operator_actions import Chosen
from db.personal import FORGOTTEN
from tasks.changes.ask.ask import (
    FRESH_COUNTS,
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

BATCH = 200
_RETRYABLE = frozenset({Status.HELD, Status.FAILED})
GO_BY_THEMSELVES: Mapping[HoldReason, str] = MappingProxyType(
    {
        HoldReason.BREAKER_OPEN: "they go by themselves, in the order of their requests, as Cal.com takes them",
        HoldReason.THROTTLED: "they go by themselves, in the order of their requests, as the limit allows",
        HoldReason.IN_LINE: "they go by themselves, in the order of their requests, as those before them do",
        HoldReason.SETTLING: "a lookup proves nothing before the settle time ends; after that each is looked up",
        HoldReason.PAUSED: "they go by themselves once `booking accounts resume` has made their account active",
    }
)
"""The hold reasons that `booking_actions.retry_held` does not take, and why a retry would not help."""


def retry(engine: Engine, booking_id: int, *, by: str, via: Via, why: str, not_booked: bool = False) -> AskResult:
    """Retry a held or failed booking as `retry_in` does, and send its message."""
    with engine.begin() as conn:
        result = retry_in(conn, booking_id, Ask(by, via, why, not_booked))
    return send_released(result)


def retry_in(conn: Connection, booking_id: int, ask: Ask) -> AskResult:
    """Send a held or failed booking again; if it may be booked it is looked up first, unless the operator has looked.

    `not_booked`: the outcome counts as known, so that the next call is a POST like the first. Apart from `booking
    resolve` this is the only way to continue at once with a booking that is held for blind_key.
    """
    row = appointments.get(conn, booking_id, lock=True)  # locked, so that the decision is about the row as it is
    if row is None:
        return AskResult(booking_id, AskOutcome.MISSING)
    if is_stale(row, ask):
        return result_of(row, AskOutcome.MOVED_ON)
    if (refused := _retried_never(conn, row)) is not None:
        return result_of(row, refused)
    meant = retry_outcome(row, not_booked=ask.not_booked)
    if meant is AskOutcome.NOT_RETRYABLE:
        change = _retried_change(conn, row, ask)
        return result_of(row, meant) if change is None else result_of(row, AskOutcome.SENT, released=change)
    if ask.via is Via.PAGE and row.hold_reason in GO_BY_THEMSELVES:
        return result_of(row, AskOutcome.GOES_BY_ITSELF)
    if ask.not_booked and (seconds := open_for(conn, row)) > 0:
        return result_of(row, AskOutcome.STILL_OPEN, open_for=seconds)
    changes = {**FRESH_COUNTS, **(KNOWN if ask.not_booked else {})}
    try:
        released = move_as_read(conn, row, Status.PENDING, ask.event, changes)
    except appointments.KeyTakenError:
        return result_of(row, AskOutcome.ASKED_AGAIN)
    return result_of(row, AskOutcome.MOVED_ON if released is None else meant, released=released)


def _retried_never(conn: Connection, row: Appointment) -> AskOutcome | None:
    """Return why neither a booking nor a change of it is sent again, whatever its state is; None: it may be."""
    if row.attendee_email == FORGOTTEN:
        return AskOutcome.FORGOTTEN
    return None if accounts.lock_open(conn, row.account_id) else AskOutcome.ACCOUNT_CLOSED


def _retried_change(conn: Connection, row: Appointment, ask: Ask) -> BookingChange | None:
    """Send the change of a booking again that `retryable_change` returns; None: it has none."""
    change = retryable_change(conn, row)
    if change is None:
        return None
    afresh: dict[str, Any] = {"posts": 0, "retry_count": 0, "may_have_moved": False} if change.over else {}
    moves.move(conn, change.id, change.status, ChangeStatus.PENDING, **ask.event, **FRESH_COUNTS, **afresh)
    return moves.get(conn, change.id)


def retryable_change(conn: Connection, row: Appointment) -> BookingChange | None:
    """Return the latest change of a confirmed booking that was not refused, if it is held or has failed.

    A refused one has changed nothing, and hides none that was asked for before it.
    """
    asked = asking.of_booking(conn, row.id) if row.status is Status.CONFIRMED else []
    latest = [one for one in asked if one.status is not ChangeStatus.REFUSED][-1:]
    return next((one for one in latest if one.status in {ChangeStatus.HELD, ChangeStatus.FAILED}), None)


def retry_outcome(row: Appointment | Chosen, *, not_booked: bool = False) -> AskOutcome:
    """Return the outcome that a retry of this row would have now."""
    if row.status not in _RETRYABLE:
        return AskOutcome.NOT_RETRYABLE
    looked_up = row.outcome_unknown and not not_booked
    return AskOutcome.SENT_TO_LOOK_UP if looked_up else AskOutcome.SENT

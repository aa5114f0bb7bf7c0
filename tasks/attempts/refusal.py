"""A refusal as its row stores it until a lookup has confirmed the refusal, and the move that ends the booking."""

from collections.abc import Mapping
from typing import Any

from db.lifecycle import Status
from resilience.error_types import ErrorType
from tasks.calcom.reply import Reply, ReplyKind
from tasks.work.moves import KNOWN, Move


def as_refusal(reply: Reply) -> dict[str, Any]:
    """Return a refusal as its row stores it."""
    return {
        "meaning": reply.kind.value,
        "message": reply.message,
        "uid": reply.uid,
        "ask_slots": reply.ask_slots,
        "error_type": reply.error_type.value,
        "http_status": reply.http_status,
    }


def refused_as(refusal: Mapping[str, Any]) -> ReplyKind:
    """Return the kind of a stored refusal."""
    return ReplyKind(refusal["meaning"])


_REFUSED_AS = {
    ReplyKind.EXISTING_BOOKING: "already booked for this attendee",
    ReplyKind.SIGNED_UP: "already booked for this attendee",
    ReplyKind.TAKEN: "the slot is taken",
    ReplyKind.FULL: "the slot is taken",
    ReplyKind.EVENT_TYPE_LIMIT: "a limit is reached",
    ReplyKind.ATTENDEE_LIMIT: "a limit is reached",
}

_TAKEN = frozenset({ReplyKind.TAKEN, ReplyKind.FULL})  # the caller is asked for another time


def rejected(reply_kind: ReplyKind | None, message: str, uid: str | None = None) -> Move:
    """Return the move of a booking that Cal.com refuses for good; `uid` is that of an earlier booking."""
    why = _REFUSED_AS.get(reply_kind or ReplyKind.REFUSED, "refused")
    error = f"{why}: {message}" if message else why
    there = {} if uid is None else {"calcom_booking_uid": uid}
    error_type = ErrorType.TAKEN if reply_kind in _TAKEN else ErrorType.REFUSED
    changes = {"last_error": error, "error_type": error_type} | there | KNOWN
    return Move(Status.REJECTED, why, changes, words=message)

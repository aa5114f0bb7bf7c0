"""What a row keeps of a refusal until it is believed, or not, in words that the version before can read; its end."""

from collections.abc import Mapping
from typing import Any

from db.lifecycle import Status
from tasks.calcom.reply import Reply, ReplyKind
from tasks.moves import KNOWN, Move

# During a deploy the version before reads these rows, and knows no other words: each of these by the one that it had.
_BEFORE = {
    ReplyKind.SIGNED_UP: ReplyKind.TAKEN,
    ReplyKind.FULL: ReplyKind.TAKEN,
    ReplyKind.BOUNDS: ReplyKind.REFUSED,
    ReplyKind.MAXIMUM: ReplyKind.LIMIT,
}


def as_refusal(reply: Reply) -> dict[str, Any]:
    """Return what a row keeps of a refusal."""
    return {
        "means": reply.kind.value,
        "meaning": _BEFORE.get(reply.kind, reply.kind).value,
        "message": reply.message,
        "uid": reply.uid,
        "ask_slots": reply.ask_slots,
        "error_type": reply.error_type.value,
        "http_status": reply.http_status,
    }


def refused_as(refusal: Mapping[str, Any]) -> ReplyKind:
    """Return what a kept refusal means; one that the version before has kept has only its own word."""
    return ReplyKind(refusal.get("means", refusal["meaning"]))


_REFUSED_AS = {
    ReplyKind.ANOTHERS: "already booked for this attendee",
    ReplyKind.SIGNED_UP: "already booked for this attendee",
    ReplyKind.TAKEN: "the slot is taken",
    ReplyKind.FULL: "the slot is taken",
    ReplyKind.LIMIT: "a limit is reached",
    ReplyKind.MAXIMUM: "a limit is reached",
}


def rejected(reply_kind: ReplyKind | None, message: str, uid: str | None = None) -> Move:
    """Return the move of a booking that Cal.com refuses for good; `uid` is the booking that was there before."""
    why = _REFUSED_AS.get(reply_kind or ReplyKind.REFUSED, "refused")
    error = f"{why}: {message}" if message else why
    there = {} if uid is None else {"calcom_booking_uid": uid}
    changes = {"last_error": error, "error_type": "refused"} | there | KNOWN
    return Move(Status.REJECTED, why, changes, words=message)

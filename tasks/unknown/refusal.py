"""What a row keeps of a refusal until it is believed, or not, in words that the version before can read as well."""

from collections.abc import Mapping
from typing import Any

from tasks.calcom.reply import Reply, ReplyKind

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

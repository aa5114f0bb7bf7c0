"""What a row keeps of a refusal until it is believed, or not, in words that the version before can read as well."""

from collections.abc import Mapping
from typing import Any

from tasks.calcom.reply import Meaning, Reply

# During a deploy the version before reads these rows, and knows no other words: each of these by the one that it had.
_BEFORE = {
    Meaning.SIGNED_UP: Meaning.TAKEN,
    Meaning.FULL: Meaning.TAKEN,
    Meaning.BOUNDS: Meaning.REFUSED,
    Meaning.MAXIMUM: Meaning.LIMIT,
}


def as_refusal(reply: Reply) -> dict[str, Any]:
    """Return what a row keeps of a refusal."""
    return {
        "means": reply.meaning.value,
        "meaning": _BEFORE.get(reply.meaning, reply.meaning).value,
        "message": reply.message,
        "uid": reply.uid,
        "ask_slots": reply.ask_slots,
        "error_type": reply.error_type.value,
        "http_status": reply.http_status,
    }


def refused_as(refusal: Mapping[str, Any]) -> Meaning:
    """Return what a kept refusal means; one that the version before has kept has only its own word."""
    return Meaning(refusal.get("means", refusal["meaning"]))

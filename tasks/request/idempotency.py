"""Keys that distinguish requests: the one derived when a caller gives none, and the hash of the payload.

Both are stored and compared for years, so both are stable: canonical JSON (sorted keys, no spaces, ASCII), the start as
a UTC instant, and nothing that is absent. A field added later changes no hash of a request that does not use it.
"""

import hashlib
import json
from typing import Any

from pydantic import BaseModel

from tasks.request.model import BookingRequest

_NOT_HASHED = frozenset({"idempotency_key", "correlation_id", "answer_by"})
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def derive_key(request: BookingRequest) -> str:
    """Return the idempotency key of a request that has none: one attendee, one event type, one instant.

    The attendee is the e-mail address, or the phone number where there is none; slugs are one in any letter case. Two
    requests for the same person at the same time are one; who means two must give keys. The leading `auto1-` names this
    rule's version.
    """
    attendee = request.attendee.email or request.attendee.phone_number
    slugs = [request.organization_slug, request.team_slug, request.username, request.event_type_slug]
    folded = [None if slug is None else slug.lower() for slug in slugs]
    parts = [request.event_type_id, *folded, _instant(request), attendee]
    return f"auto1-{_digest(parts)[:40]}"


def payload_hash(request: BookingRequest) -> str:
    """Return the SHA-256 of what the request asks for, 64 hexadecimal digits.

    Without idempotency_key, correlation_id and answer_by: the same key with the same payload is the same request,
    however long its caller waits for it.
    """
    payload = _present(request, but=_NOT_HASHED)
    payload["attendee"] = _present(request.attendee)
    payload["start"] = _instant(request)
    if request.location is not None:
        payload["location"] = request.location.model_dump()
    return _digest(payload)


def _instant(request: BookingRequest) -> str:
    return request.start.strftime("%Y-%m-%dT%H:%M:%SZ")


def _present(model: BaseModel, *, but: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the fields of a model that have a value; a model inside it stays one."""
    return {name: value for name, value in model if name not in but and value not in (None, [], {})}


def _digest(value: Any) -> str:
    return hashlib.sha256(_canonical(value).encode("ascii")).hexdigest()

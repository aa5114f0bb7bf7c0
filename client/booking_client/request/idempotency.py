"""Keys that distinguish requests: the idempotency key derived for a caller who gives none, and the payload's hash.

Both are stored and compared for years, so both must stay the same: canonical JSON (sorted keys, no spaces, ASCII), the
start as a UTC instant, and no absent field. So a new field changes no hash of a request without it.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from booking_client.request.model import BookingRequest

_NOT_HASHED = frozenset({"idempotency_key", "correlation_id", "answer_by", "account", "callback_url", "only_if_first"})
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def derive_key(request: BookingRequest) -> str:
    """Return the idempotency key of a request that has none: one attendee, one event type, one instant.

    The attendee is the e-mail address, else the phone number; the case of a slug does not count. So two requests for
    the same person at the same time are one booking, unless the caller gives each request a key. `auto1-` names the
    version of this rule.
    """
    attendee = request.attendee.email or request.attendee.phone_number
    slugs = [request.organization_slug, request.team_slug, request.username, request.event_type_slug]
    return key_at(request.start, request.event_type_id, slugs, attendee)


def key_at(start: datetime, event_type_id: int | None, slugs: Sequence[str | None], attendee: str | None) -> str:
    """Return the derived key of an attendee's booking at a start; `slugs` as in `derive_key`, which says the rule."""
    folded = [None if slug is None else slug.lower() for slug in slugs]
    parts = [event_type_id, *folded, _instant(start), attendee]
    return f"auto1-{_digest(parts)[:40]}"


def payload_hash(request: BookingRequest) -> str:
    """Return the SHA-256 of what the request asks for, 64 hexadecimal digits.

    idempotency_key, correlation_id and answer_by are not part of it: with another answer_by it is still the same
    request. Nor are the account (keys are compared within one), where its callbacks go, and only_if_first.
    """
    payload = _present(request, but=_NOT_HASHED)
    payload["attendee"] = _present(request.attendee)
    payload["start"] = _instant(request.start)
    if request.location is not None:
        payload["location"] = dict(request.location)
    return _digest(payload)


def _instant(start: datetime) -> str:
    return start.strftime("%Y-%m-%dT%H:%M:%SZ")


def _present(model: BaseModel, *, but: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the fields of a model that have a value; a field that is a model itself stays a model."""
    return {name: value for name, value in model if name not in but and value not in (None, [], {})}


def _digest(value: Any) -> str:
    return hashlib.sha256(_canonical(value).encode("ascii")).hexdigest()

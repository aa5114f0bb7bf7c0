"""Read a booking as Cal.com shows it (API version 2024-08-13), in answers to a POST and in lists."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.calcom.body import REFERENCE

_UID = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Booking:
    """Hold what matters of one booking.

    `marks` are the references of requests like ours that it carries, each with its seat's uid (None but for seats).
    `shows_metadata` is false when Cal.com showed no metadata at all, so that a missing reference says nothing.
    `start` is an instant in UTC; `accepted` means that no host must confirm it any more, `gone` that it was cancelled
    or declined; `moved_to` is the uid it was rescheduled to.
    """

    uid: str
    marks: Mapping[str, str | None]
    shows_metadata: bool
    start: datetime | None
    event_type_id: int | None
    event_type_slug: str | None
    hosts: frozenset[str]
    accepted: bool
    gone: bool
    moved_to: str | None


def parse(body: bytes) -> Any:
    """Return the JSON of `body`; None for what is not JSON (no answer of Cal.com is a bare null)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def read_booking(data: object) -> Booking | None:
    """Return the booking in `data`; None when it has no usable uid."""
    if not isinstance(data, dict) or (uid := usable(data.get("uid"))) is None:
        return None
    metadata = list(_metadata(data))
    event_type = _object(data.get("eventType"))
    hosts = [_object(host).get("username") for host in _list(data.get("hosts"))]
    slug = event_type.get("slug")
    return Booking(
        uid=uid,
        marks={mark: seat for found, seat in metadata if isinstance(mark := found.get(REFERENCE), str)},
        shows_metadata=bool(metadata),
        start=read_instant(data.get("start")),
        event_type_id=_integer(data.get("eventTypeId")) or _integer(event_type.get("id")),
        event_type_slug=slug if isinstance(slug, str) else None,
        hosts=frozenset(host for host in hosts if isinstance(host, str)),
        accepted=data.get("status") == "accepted",
        gone=data.get("status") in ("cancelled", "rejected"),  # rejected: its host declined it
        moved_to=usable(data.get("rescheduledToUid")),
    )


def read_instant(text: object) -> datetime | None:
    """Return the instant of an ISO 8601 text, in UTC (Cal.com reads and writes a naive one as UTC); None for others."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def usable(uid: object) -> str | None:
    """Return a uid that can be stored and put into a URL; None for anything else."""
    return uid if isinstance(uid, str) and _UID.fullmatch(uid) else None


def _metadata(data: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """Yield each metadata object with its seat's uid: seats have it at their attendees, others at the booking."""
    if isinstance(own := data.get("metadata"), dict):
        yield own, None
    for entry in _list(data.get("attendees")):
        attendee = _object(entry)
        if isinstance(theirs := attendee.get("metadata"), dict):
            yield theirs, usable(attendee.get("seatUid"))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

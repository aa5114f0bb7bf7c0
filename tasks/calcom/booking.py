"""Read a booking as Cal.com shows it (API version 2024-08-13), in answers to a POST, in lists and by uid."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tasks.calcom.request_body import REFERENCE

_UID = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class BookedAttendee:
    """Hold one attendee: with a seat, its uid and the reference of the request that took it, where Cal.com shows them.

    `email` is byte for byte as Cal.com stores it.
    """

    email: str | None = field(repr=False)
    seat_uid: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class Booking:
    """Hold what matters of one booking.

    `marks` are the references of requests like ours that it carries, each with its seat's uid (None but for seats).
    `seated`: its type has seats; Cal.com shows no metadata of such a booking itself. `seat_uid` is the seat that
    the POST which this answers has made, "" when it made none; None in all other answers, and for types without seats.
    `attendees` have no fixed order, guests and other hosts among them; `booker` is the address for which it was booked
    (None: not shown, as with seats).
    `start`, `end` and `created_at` are instants in UTC (`created_at`: of the request that made it, by Cal.com's clock);
    `accepted` means that no host must confirm it any more, `cancelled` that it was, or was declined; `moved_to` is the
    uid it was rescheduled to; `series_uid` names the series whose week it is.
    """

    uid: str
    marks: Mapping[str, str | None]
    seated: bool
    seat_uid: str | None
    attendees: tuple[BookedAttendee, ...]
    booker: str | None = field(repr=False)
    start: datetime | None
    end: datetime | None
    created_at: datetime | None
    event_type_id: int | None
    event_type_slug: str | None
    hosts: frozenset[str]
    host_ids: frozenset[int]
    accepted: bool
    cancelled: bool
    moved_to: str | None
    series_uid: str | None

    @property
    def awaits_host(self) -> bool:
        """Return whether it is only asked for there: its host has not said yes, or it is not paid."""
        return not (self.accepted or self.cancelled)

    def is_at(self, start: datetime | None) -> bool:
        """Return whether it begins at `start`, as exactly as Cal.com keeps an instant: to the millisecond."""
        return start is not None and self.start == to_millisecond(start)


def read_booking(data: object) -> Booking | None:
    """Return the booking in `data`; None when it has no usable uid."""
    if not isinstance(data, dict) or (uid := usable(data.get("uid"))) is None:
        return None
    event_type = _object(data.get("eventType"))
    hosts = [_object(host) for host in _list(data.get("hosts"))]
    slug, made = event_type.get("slug"), data.get("seatUid")
    booker = _object(data.get("bookingFieldsResponses")).get("email")
    return Booking(
        uid=uid,
        marks={mark: seat for found, seat in _metadata(data) if (mark := _reference(found)) is not None},
        seated=_is_seated(data),
        seat_uid="" if made == "" else usable(made),
        attendees=tuple(_attendee(_object(entry)) for entry in _list(data.get("attendees"))),
        booker=booker if isinstance(booker, str) else None,
        start=read_instant(data.get("start")),
        end=read_instant(data.get("end")),
        created_at=read_instant(data.get("createdAt")),
        event_type_id=_integer(data.get("eventTypeId")) or _integer(event_type.get("id")),
        event_type_slug=slug if isinstance(slug, str) else None,
        hosts=frozenset(name for host in hosts if isinstance(name := host.get("username"), str)),
        host_ids=frozenset(number for host in hosts if (number := _integer(host.get("id"))) is not None),
        accepted=data.get("status") == "accepted",
        cancelled=data.get("status") in ("cancelled", "rejected"),  # rejected: its host declined it
        moved_to=usable(data.get("rescheduledToUid")),
        series_uid=usable(data.get("recurringBookingUid")),
    )


def parse(body: bytes) -> Any:
    """Return the JSON of `body`; None for what is not JSON (no answer of Cal.com is a bare null)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def usable(uid: object) -> str | None:
    """Return a uid that can be stored and put into a URL; None for anything else."""
    return uid if isinstance(uid, str) and _UID.fullmatch(uid) else None


def read_instant(text: object) -> datetime | None:
    """Return the instant of an ISO 8601 text, in UTC (Cal.com reads and writes a naive one as UTC); None for others."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def to_millisecond(moment: datetime) -> datetime:
    """Return `moment` in UTC, as exact as Cal.com keeps it."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _metadata(data: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """Yield each metadata object with its seat's uid: seats have it at their attendees, others at the booking."""
    if isinstance(own := data.get("metadata"), dict):
        yield own, None
    for entry in _list(data.get("attendees")):
        attendee = _object(entry)
        if isinstance(found := attendee.get("metadata"), dict):
            yield found, usable(attendee.get("seatUid"))


def _is_seated(data: Mapping[str, Any]) -> bool:
    shows_seats = any(_object(entry).get("seatUid") for entry in _list(data.get("attendees")))
    return shows_seats or "seatUid" in data or not isinstance(data.get("metadata"), dict)


def _attendee(entry: Mapping[str, Any]) -> BookedAttendee:
    email = entry.get("email")
    return BookedAttendee(
        email=email if isinstance(email, str) else None,
        seat_uid=usable(entry.get("seatUid")),
        reference=_reference(_object(entry.get("metadata"))),
    )


def _reference(metadata: Mapping[str, Any]) -> str | None:
    mark = metadata.get(REFERENCE)
    return mark if isinstance(mark, str) else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

"""Read a booking as Cal.com shows it (API version 2024-08-13): after a POST, in a list, or by its uid."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tasks.calcom.request_body import REFERENCE

_UID = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class BookedAttendee:
    """Hold one attendee, the uid of his seat, and the reference of the request that booked it, if Cal.com shows them.

    `email` is exactly as Cal.com stores it.
    """

    email: str | None = field(repr=False)
    seat_uid: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class Booking:
    """Hold one booking.

    `marks` are the references of the worker's requests in its metadata, each with the uid of its seat (None: no seat).
    `seated`: its type has seats; then the booking itself shows no metadata. `seat_uid`: in the answer to a POST, the
    seat that this POST made ("": it made none); None in all other answers, and without seats. `attendees` have no fixed
    order, and include guests and other hosts. `booker` is the address for which it was booked (None: it is not shown,
    as with seats). `start`, `end` and `created_at` (the time of the request that made it, by Cal.com's clock) are in
    UTC. `accepted`: no host needs to confirm it. `cancelled`: it was cancelled or declined. `moved_to` is the uid of
    the booking to which it was rescheduled. `series_uid` is its series' uid, if the booking is a week of a series.
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
        """Return whether its host must still confirm it, or its payment is open."""
        return not (self.accepted or self.cancelled)

    def lives_for(self, reference: str, *, but: str | None) -> bool:
        """Return whether it lives and carries a reference, not as the seat `but`, which a replica may still list."""
        return not self.cancelled and reference in self.marks and (but is None or self.marks[reference] != but)

    def is_at(self, start: datetime | None) -> bool:
        """Return whether it begins at `start`, to the millisecond, as exactly as Cal.com stores it."""
        return start is not None and self.start == to_millisecond(start)


def read_booking(data: object) -> Booking | None:
    """Return the booking in `data`; None: it has no usable uid."""
    if not isinstance(data, dict) or (uid := usable(data.get("uid"))) is None:
        return None
    event_type = object_of(data.get("eventType"))
    hosts = [object_of(host) for host in list_of(data.get("hosts"))]
    made, own = data.get("seatUid"), _reference(object_of(data.get("metadata")))
    attendees = tuple(_attendee(object_of(entry)) for entry in list_of(data.get("attendees")))
    marks = {attendee.reference: attendee.seat_uid for attendee in attendees}  # each seat has its own reference
    return Booking(
        uid=uid,
        marks={mark: seat for mark, seat in ({own: None} | marks).items() if mark is not None},
        seated=_is_seated(data),
        seat_uid="" if made == "" else usable(made),
        attendees=attendees,
        booker=_text(object_of(data.get("bookingFieldsResponses")).get("email")),
        start=read_instant(data.get("start")),
        end=read_instant(data.get("end")),
        created_at=read_instant(data.get("createdAt")),
        event_type_id=integer(data.get("eventTypeId")) or integer(event_type.get("id")),
        event_type_slug=_text(event_type.get("slug")),
        hosts=frozenset(name for host in hosts if (name := _text(host.get("username"))) is not None),
        host_ids=frozenset(number for host in hosts if (number := integer(host.get("id"))) is not None),
        accepted=data.get("status") == "accepted",
        cancelled=data.get("status") in ("cancelled", "rejected"),  # rejected: its host declined it
        moved_to=usable(data.get("rescheduledToUid")),
        series_uid=usable(data.get("recurringBookingUid")),
    )


def parse(body: bytes) -> Any:
    """Return the JSON of `body`; None: it is no JSON (no answer of Cal.com is a bare null)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def usable(uid: object) -> str | None:
    """Return a uid that can be stored and put into a URL; None for anything else."""
    return uid if isinstance(uid, str) and _UID.fullmatch(uid) else None


def read_instant(text: object) -> datetime | None:
    """Return the time of an ISO 8601 text in UTC, None for any other value; a text without offset is in UTC."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def to_millisecond(moment: datetime) -> datetime:
    """Return `moment` in UTC, to the millisecond, as exactly as Cal.com stores it."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _is_seated(data: Mapping[str, Any]) -> bool:
    shows_seats = any(object_of(entry).get("seatUid") for entry in list_of(data.get("attendees")))
    return shows_seats or "seatUid" in data or not isinstance(data.get("metadata"), dict)


def _attendee(entry: Mapping[str, Any]) -> BookedAttendee:
    return BookedAttendee(
        email=_text(entry.get("email")),
        seat_uid=usable(entry.get("seatUid")),
        reference=_reference(object_of(entry.get("metadata"))),
    )


def _reference(metadata: Mapping[str, Any]) -> str | None:
    return _text(metadata.get(REFERENCE))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def object_of(value: object) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> Sequence[Any]:
    """Return a JSON array; an empty one for anything else."""
    return value if isinstance(value, list) else []


def integer(value: object) -> int | None:
    """Return a whole number of JSON; None for anything else, also for true and false."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None

"""Cal.com's list over a range, as an audit needs it: every booking, and every place in one that a request of ours has.

One request may hold two seats of one booking ("Two at once", docs/calcom.md), so that a booking's `marks`, one seat a
reference, are not enough here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from db.appointment import Appointment
from tasks.audit_calls import AuditCalls, AuditHalted
from tasks.calcom.answer import Answer, NoAnswer
from tasks.calcom.body import REFERENCE, instant
from tasks.calcom.bookings import Booking, parse, usable
from tasks.calcom.meaning import Meaning, Reply
from tasks.calcom.replies import Page, read_list

PAGE = 100  # bookings; a page of seats may be long, and is then asked for in smaller pieces
LIMIT = 100_000  # bookings; a server whose list does not end must not keep us for ever
LONGEST_EVENT = timedelta(hours=24)  # Cal.com's own limit
_TRIES = 4  # of one page

Progress = Callable[[int, int], object]  # bookings read, and how many there are


@dataclass(frozen=True, slots=True)
class Place:
    """One booking, or one seat of one, that carries the reference of a request like ours.

    `whole`: nobody else's seat or reference is in the booking, so that it may be cancelled as a whole. `series` names
    the recurring booking that it is an occurrence of: these carry one reference at many starts.
    """

    reference: str
    booking: Booking
    seat_uid: str | None
    whole: bool
    series: str | None

    @property
    def uid(self) -> str:
        """The booking's uid."""
        return self.booking.uid

    @property
    def name(self) -> str:
        """Name it in a line for a person."""
        return self.uid if self.seat_uid is None else f"{self.uid}, seat {self.seat_uid}"

    def is_at(self, row: Appointment) -> bool:
        """Return whether a POST of `row` may have made it: the same instant, the same event type."""
        start = row.start_at.astimezone(UTC)
        if self.booking.start != start.replace(microsecond=start.microsecond // 1000 * 1000):
            return False
        if row.event_type_id is not None:
            return self.booking.event_type_id in (None, row.event_type_id)
        return self.booking.event_type_slug in (None, row.event_type_slug)


@dataclass
class Listing:
    """Hold what Cal.com listed: bookings by uid, and our places by the reference that they carry."""

    bookings: dict[str, Booking] = field(default_factory=dict)
    places: defaultdict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    _types: set[object] = field(default_factory=set)

    def add(self, booking: Booking, entry: Mapping[str, Any]) -> None:
        """Take in a booking, once, with the JSON that it was read from."""
        if booking.uid in self.bookings:
            return
        self.bookings[booking.uid] = booking
        for place in _places(booking, entry):
            self.places[place.reference].append(place)
        self._types |= {booking.event_type_id, *((booking.event_type_slug, host) for host in booking.hosts)}

    def of(self, row: Appointment) -> list[Place]:
        """Return the places that carry the row's reference, those that are over included."""
        return self.places.get(str(row.uuid), [])

    def shows_type(self, row: Appointment) -> bool:
        """Return whether any booking of the row's event type is listed: then absence proves something."""
        if row.event_type_id is not None:
            return row.event_type_id in self._types
        return (row.event_type_slug, row.username) in self._types


def between(start: datetime, end: datetime) -> dict[str, str | int]:
    """Return the query for what starts from `start` until before `end`, and perhaps a little more.

    Oldest first, so that bookings made while the pages are read come last and push none to a page already read.
    """
    return {"afterStart": instant(start), "beforeEnd": instant(end + LONGEST_EVENT), "sortCreated": "asc"}


def read_listing(
    calls: AuditCalls, query: Mapping[str, str | int], *, progress: Progress = lambda _read, _all: None
) -> Listing:
    """Read the whole list, page by page.

    Raises:
        AuditHalted: Not all of it could be read: then nothing can be said of what is absent.
    """
    listing = Listing()
    skip = 0
    while True:
        page, entries = _page(calls, {**query, "skip": skip})
        before = len(listing.bookings)
        for booking, entry in zip(page.bookings, entries, strict=True):
            listing.add(booking, entry)
        skip += len(page.bookings)
        progress(skip, skip + page.remaining)
        if not page.remaining:
            return listing
        if len(listing.bookings) == before or skip > LIMIT:
            raise AuditHalted("Cal.com's list does not end: give a shorter range of days")


def _page(calls: AuditCalls, query: Mapping[str, str | int]) -> tuple[Page, list[Mapping[str, Any]]]:
    """Return a page and the JSON of its entries; asks again after a failure that may pass, for less if it was cut."""
    take = PAGE
    for attempt in range(_TRIES):
        answer = calls.list_bookings({**query, "take": take})
        page = read_list(answer, now=datetime.now(UTC))
        if isinstance(page, Page):
            return page, _entries(answer)
        failure = page
        if failure.meaning not in _MAY_PASS or attempt + 1 == _TRIES:
            break
        if isinstance(answer, Answer) and answer.truncated:
            take = max(1, take // 4)
        if failure.meaning is not Meaning.THROTTLED:  # the breaker keeps the time of a 429
            calls.pause(failure.retry_after or calls.parts.policy.delay(attempt))
    raise AuditHalted(f"Cal.com's list could not be read: {_words(failure)}")


_MAY_PASS = frozenset({Meaning.UNKNOWN, Meaning.NOT_SENT, Meaning.THROTTLED})


def _words(reply: Reply) -> str:
    said = f": {reply.message}" if reply.message else ""
    return f"{reply.error_type.value.replace('_', ' ')}{said}"


def _entries(answer: Answer | NoAnswer) -> list[Mapping[str, Any]]:
    content = parse(answer.body) if isinstance(answer, Answer) else {}
    entries: list[Mapping[str, Any]] = content["data"]  # read_list has seen that it is a list of objects
    return entries


def _places(booking: Booking, entry: Mapping[str, Any]) -> Iterator[Place]:
    """Yield our places in a booking: seats have the reference at their attendees, all others at the booking."""
    attendees = entry.get("attendees")
    seats = [one for one in attendees if _is_seat(one)] if isinstance(attendees, list) else []
    series = uid if isinstance(uid := entry.get("recurringBookingUid"), str) else None
    carriers = [entry, *seats]
    for carrier in carriers:
        reference = _reference(carrier)
        if reference is not None:
            seat = None if carrier is entry else usable(carrier.get("seatUid"))
            whole = not seats and set(booking.marks) == {reference}
            yield Place(reference, booking, seat, whole=whole, series=series)


def _is_seat(attendee: object) -> bool:
    return isinstance(attendee, dict) and ("seatUid" in attendee or "metadata" in attendee)


def _reference(carrier: Mapping[str, Any]) -> str | None:
    """Return the reference of a request like ours: the uuid of a row, as body.py writes it."""
    metadata = carrier.get("metadata")
    mark = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
    try:
        return mark if isinstance(mark, str) and str(UUID(mark)) == mark else None
    except ValueError:
        return None

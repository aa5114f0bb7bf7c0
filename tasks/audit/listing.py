"""Cal.com's list of a range of days: each booking, and each booking or seat that belongs to a request of ours.

A booking that the list does not show can be asked for by its uid (questions.py), and is then added. A request may have
two seats in a booking ("Two at once", docs/calcom.md): `Booking.marks` has one seat for each reference, not both.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeGuard
from uuid import UUID

from db import appointments
from db.appointments.appointment import Appointment
from db.appointments.there.places import BookedThere
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.calcom.booking import BookedAttendee, Booking
from tasks.calcom.booking_answers import Page, booked_there, read_list
from tasks.calcom.http.answer import Answer
from tasks.calcom.reply import Reply, ReplyKind
from tasks.calcom.request_body import attendee_address, instant

PAGE = 100  # bookings; a page whose answer is too long is read in smaller pieces
LIMIT = 100_000  # bookings; a longer list counts as endless
LONGEST_EVENT = timedelta(hours=24)  # Cal.com's own limit
TRIES = 4  # of one call
MAY_PASS = frozenset({ReplyKind.UNKNOWN, ReplyKind.NOT_SENT, ReplyKind.THROTTLED})

Progress = Callable[[int, int], object]  # called with the number of bookings that are done, and of all


class About(StrEnum):
    """What a question to Cal.com is about."""

    BOOKING = "booking"  # by its uid, or all weeks by the uid of a series
    SEAT = "seat"  # by its uid: the booking that has this seat
    EVENT_TYPE = "event type"  # by its name: how many weeks it makes
    ATTENDEE = "attendee"  # by the address: the newest bookings that name it; a key is shown those of its user


@dataclass(frozen=True, slots=True)
class Question:
    """A question that must be asked before a row can be judged; Cal.com answers every API key that asks by the uid."""

    about: About
    uid: str


class Answered(StrEnum):
    """The result of a question."""

    FOUND = "found"
    NOWHERE = "nowhere"  # Cal.com has no such booking; a lagging replica may say so as well
    UNREADABLE = "unreadable"  # there is no answer that can be read


@dataclass(frozen=True, slots=True)
class BookedPlace:
    """A booking, or a seat in a booking, that carries the reference of a request like ours.

    `whole`: no other seat or reference is in the booking, so that it may be cancelled as a whole.
    """

    reference: str
    booking: Booking
    seat_uid: str | None
    whole: bool

    @property
    def uid(self) -> str:
        """Return the booking's uid."""
        return self.booking.uid

    @property
    def series(self) -> str | None:
        """Return the uid of the series if this is a week of a series; all its weeks carry one reference."""
        return self.booking.series_uid

    @property
    def name(self) -> str:
        """Return the uid of the booking, and of the seat if there is one, for a person."""
        return self.uid if self.seat_uid is None else f"{self.uid}, seat {self.seat_uid}"

    def there(self, row: Appointment) -> BookedThere:
        """Return what a row records of this booking or seat."""
        return booked_there(self.booking, row, self.seat_uid)

    def is_at(self, row: Appointment) -> bool:
        """Return whether a POST of `row` may have made this booking."""
        return is_at(self.booking, row)

    def is_same(self, other: "BookedPlace") -> bool:
        """Return whether `other` is the same booking or seat, shown again."""
        return (self.uid, self.seat_uid) == (other.uid, other.seat_uid)


@dataclass
class Listing:
    """Cal.com's answers: bookings by uid, our bookings and seats (`places`) by their reference, answers by question.

    `began` is the moment before the first page was read. `series` are the weeks of each series, by its uid; `seatless`
    are the seated bookings that show an attendee without a seat; `occurrences` is how many weeks an event type
    (`Appointment.event_type`) makes, None: it does not recur.
    """

    began: datetime
    bookings: dict[str, Booking] = field(default_factory=dict)
    places: defaultdict[str, list[BookedPlace]] = field(default_factory=lambda: defaultdict(list))
    series: defaultdict[str, list[Booking]] = field(default_factory=lambda: defaultdict(list))
    seatless: list[Booking] = field(default_factory=list)
    answers: dict[Question, Answered] = field(default_factory=dict)
    occurrences: dict[str, int | None] = field(default_factory=dict)

    def add(self, booking: Booking) -> None:
        """Add a booking; if it was added before, add only those of our seats that it did not show then."""
        new = [place for place in _places(booking) if not any(place.is_same(one) for one in self._known(place))]
        for place in new:
            self.places[place.reference].append(place)
        if booking.uid not in self.bookings:
            self.bookings[booking.uid] = booking
            if booking.series_uid is not None:
                self.series[booking.series_uid].append(booking)
            if booking.seated and any(_is_seatless(one) for one in booking.attendees):
                self.seatless.append(booking)

    def of(self, row: Appointment) -> list[BookedPlace]:
        """Return the bookings and seats that carry the row's reference, also cancelled ones."""
        return self.places.get(str(row.uuid), [])

    def made(self, series: str) -> int:
        """Count the weeks of a series, also cancelled ones; a week that was moved counts once."""
        moved = {booking.moved_to for booking in self.series[series]}
        return sum(booking.uid not in moved for booking in self.series[series])

    def half_made(self, row: Appointment) -> Booking | None:
        """Return a live booking of the row's event type and start that shows the row's attendee without a seat."""
        address = attendee_address(row)
        for booking in self.seatless:
            names = any(one.email == address and _is_seatless(one) for one in booking.attendees)
            if names and not booking.cancelled and is_at(booking, row):
                return booking
        return None

    def _known(self, place: BookedPlace) -> list[BookedPlace]:
        return self.places.get(place.reference, [])


def between(start: datetime, end: datetime) -> dict[str, str | int]:
    """Return the query for the bookings that start at or after `start` and before `end`, and perhaps a few more.

    The oldest come first: a booking that is made meanwhile is on the last page, and moves no others.
    """
    return {"afterStart": instant(start), "beforeEnd": instant(end + LONGEST_EVENT), "sortCreated": "asc"}


def read_listing(
    calls: AuditCalls, query: Mapping[str, str | int], *, progress: Progress = lambda _read, _all: None
) -> Listing:
    """Read the whole list, page by page.

    Raises:
        AuditHalted: A part could not be read; without it no booking can be called absent.
    """
    with calls.deps.engine.connect() as conn:
        listing = Listing(appointments.now(conn))
    skip = 0
    while True:
        page = _page(calls, {**query, "skip": skip})
        before = len(listing.bookings)
        for booking in page.bookings:
            listing.add(booking)
        skip += len(page.bookings)
        progress(skip, skip + page.remaining)
        if not page.remaining:
            return listing
        if len(listing.bookings) == before or skip > LIMIT:
            raise AuditHalted("Cal.com's list does not end: give a shorter range of days")


def _page(calls: AuditCalls, query: Mapping[str, str | int]) -> Page:
    """Return a page; ask again after a failure that may pass, for fewer bookings if the answer was cut."""
    take = PAGE
    for attempt in range(TRIES):
        answer = calls.list_bookings({**query, "take": take})
        page = read_list(answer)
        if isinstance(page, Page):
            return page
        failure = page
        if failure.kind not in MAY_PASS or attempt + 1 == TRIES:
            break
        if isinstance(answer, Answer) and answer.truncated:
            take = max(1, take // 4)
        wait_after(calls, failure, attempt)
    raise AuditHalted(f"Cal.com's list could not be read: {_words(failure)}")


def wait_after(calls: AuditCalls, failure: Reply, attempt: int) -> None:
    """Wait until a call that failed may be made again; after a 429 the breaker knows how long."""
    if failure.kind is not ReplyKind.THROTTLED:
        calls.pause(failure.retry_after or calls.deps.policy.delay(attempt))


def is_at(booking: Booking, row: Appointment) -> bool:
    """Return whether a POST of `row` may have made `booking`: its start, and the same or a deleted event type."""
    if not booking.is_at(row.present_start):
        return False
    if row.event_type_id is not None:
        return booking.event_type_id in (None, row.event_type_id)
    return booking.event_type_slug in (None, row.event_type_slug)


def _words(reply: Reply) -> str:
    message = f": {reply.message}" if reply.message else ""
    return f"{reply.error_type.value.replace('_', ' ')}{message}"


def _places(booking: Booking) -> Iterator[BookedPlace]:
    """Yield our seats in a booking, or the booking itself: a seat has the reference at its attendee."""
    seats = [one for one in booking.attendees if one.reference is not None]
    for one in seats:
        if _is_ours(one.reference):
            yield BookedPlace(one.reference, booking, one.seat_uid, whole=False)
    alone = len(booking.marks) == 1 and not any(one.seat_uid for one in booking.attendees)
    for reference in filter(_is_ours, booking.marks.keys() - {one.reference for one in seats}):
        yield BookedPlace(reference, booking, None, whole=alone)


def _is_seatless(attendee: BookedAttendee) -> bool:
    return attendee.seat_uid is None and attendee.reference is None


def _is_ours(reference: str | None) -> TypeGuard[str]:
    """Return whether a reference is from a request like ours: the uuid of a row, as request_body.py writes it."""
    try:
        return reference is not None and str(UUID(reference)) == reference
    except ValueError:
        return False

"""Look up our own booking at Cal.com with a narrow query: it may find the booking, but absence proves nothing.

See "Looking for our booking" in docs/calcom.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from db.appointments.appointment import Appointment
from db.appointments.there.places import BookedThere
from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import booked_there, follow, read_list
from tasks.calcom.reads import CalcomReads
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.calcom.request_body import instant

PAGE = 100
MAX_PAGES = 20  # one page is enough if Cal.com applies the filters; without them the list must end somewhere
_NOWHERE = BookedThere(None)
_LONGEST_EVENT = timedelta(hours=24)  # Cal.com's own limit

Query = dict[str, str | int]


class LookupKind(StrEnum):
    """The result of a lookup."""

    FOUND = "found"  # our booking lives: confirmed
    CANCELLED = "cancelled"  # our booking was made, and then cancelled or declined at Cal.com
    MOVED = "moved"  # our booking was rescheduled at Cal.com: `there` is the present booking
    ABSENT = "absent"  # not in the list: `tasks.attempts.evidence` decides what that proves
    FAILED = "failed"  # the lookup failed, or was not shown enough to decide: `reply` says why


@dataclass(frozen=True, slots=True)
class HalfMade:
    """Hold a seat of our event type and start, with our address and without our reference.

    A seat with a `reference` is of another request of this attendee. A seat with only a `seat_uid` was not booked by
    the worker. A seat with neither was made by Cal.com only in part.
    """

    uid: str
    seat_uid: str | None
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """Hold the result of one lookup.

    `there` is where the booking is at Cal.com, and `event_type_id` the number of its type, if it was found. `deleted`:
    Cal.com has deleted the event type.

    Only a deciding lookup sets: `stranger`, if the answer shows a booking of the type in which the key's user takes no
    part, which proves sight of a personal type; `taken_until`, the ends of others' accepted bookings of the type at our
    start; `half_made`, a seat with our address that is not ours; `hides_seats`, if a booking at our start has a
    half-made seat, after which Cal.com does not offer the time, even with free seats (seen).
    """

    kind: LookupKind
    there: BookedThere = _NOWHERE
    event_type_id: int | None = None
    deleted: bool = False
    stranger: bool = False
    taken_until: frozenset[datetime] = frozenset()
    half_made: HalfMade | None = None
    hides_seats: bool = False
    reply: Reply | None = None


def newest(event_type_id: int | None) -> Query:
    """Return the query for the newest bookings: of one event type, if its number is known."""
    query: Query = {"sortCreated": "desc", "take": PAGE}
    return query if event_type_id is None else query | {"eventTypeId": event_type_id}


def lookup(
    client: CalcomReads,
    appointment: Appointment,
    *,
    calcom_id: int | None = None,
    by_address: bool = True,
) -> LookupResult:
    """List bookings until ours is found, or all have been read.

    `calcom_id` is Cal.com's number of the event type, if the appointment names it by slug. `by_address` is cheaper, but
    shows the key of a collective's second host nothing (docs/calcom.md, row 16). Ours has our reference, the same start
    and the same event type (a reschedule copies the metadata). The first of ours that is not cancelled ends the lookup;
    if all are cancelled, the newest counts, after the whole list.
    """
    query = narrowed(appointment, calcom_id)
    if by_address and appointment.attendee_email is not None:  # never the address that is made of a phone number
        query["attendeeEmail"] = appointment.attendee_email
    result = followed(client, appointment, _search(client, appointment, query, calcom_id))
    if "eventTypeId" in query and result.reply is not None and result.reply.kind is ReplyKind.DELETED:
        del query["eventTypeId"]  # the type's bookings are still listed, without a type
        return replace(followed(client, appointment, _search(client, appointment, query, calcom_id)), deleted=True)
    return result


def followed(client: CalcomReads, appointment: Appointment, result: LookupResult) -> LookupResult:
    """Return a result of MOVED with the present booking, which may be cancelled; any other result unchanged.

    If Cal.com does not find the present booking, its start stays unknown; if Cal.com does not answer, the lookup has
    failed.
    """
    before = result.there
    if result.kind is not LookupKind.MOVED or before.uid is None:
        return result
    now = follow(before.uid, client.booking)
    if isinstance(now, Reply):
        unknown = now.kind is ReplyKind.REFUSED
        return result if unknown else replace(result, kind=LookupKind.FAILED, there=_NOWHERE, reply=now)
    seat_uid = now.marks.get(str(appointment.uuid), before.seat_uid)  # a moved seat may have a new uid
    return replace(
        result,
        kind=LookupKind.CANCELLED if now.cancelled else LookupKind.MOVED,
        there=replace(booked_there(now, appointment, seat_uid), series_uid=before.series_uid),
    )


def narrowed(appointment: Appointment, calcom_id: int | None) -> Query:
    """Return the filters for bookings of the event type at the start.

    No filter must ever hide our booking. Cal.com perhaps ignores a filter, as it once did (docs/calcom.md). `beforeEnd`
    allows for the longest possible event.
    """
    query: Query = {
        "afterStart": instant(appointment.start_at),
        "beforeEnd": instant(appointment.start_at + _LONGEST_EVENT),
        "sortCreated": "desc",
        "take": PAGE,
    }
    number = appointment.event_type_id or calcom_id
    return query if number is None else {**query, "eventTypeId": number}


def ours_among(bookings: Iterable[Booking], appointment: Appointment, calcom_id: int | None) -> LookupResult | None:
    """Return the appointment's booking: one that is not cancelled, else the newest.

    A series has one reference at many starts: the week at our start counts, or if that week is cancelled, the first
    week that is not cancelled.
    """
    ours = [booking for booking in bookings if _may_be_ours(booking, appointment, calcom_id)]
    here = [booking for booking in ours if booking.is_at(appointment.start_at)]
    weeks = [booking for booking in ours if booking.series_uid is not None and not booking.cancelled]
    if living := next((booking for booking in here if not booking.cancelled), None):
        return _result(LookupKind.FOUND, living, appointment)
    if here and here[0].moved_to:
        return _result(LookupKind.MOVED, here[0], appointment)
    if weeks:
        return _result(LookupKind.FOUND, min(weeks, key=_start), appointment)
    return _result(LookupKind.CANCELLED, here[0], appointment) if here else None


def shows_type(booking: Booking, appointment: Appointment, calcom_id: int | None) -> bool:
    """Return whether `booking` certainly has the appointment's event type."""
    number = appointment.event_type_id or calcom_id
    if number is not None:
        return booking.event_type_id == number
    if booking.event_type_slug != appointment.event_type_slug:
        return False
    return appointment.username in booking.hosts  # each owner has his own slugs, and a team's name is not shown


def _search(client: CalcomReads, appointment: Appointment, query: Query, calcom_id: int | None) -> LookupResult:
    result = LookupResult(kind=LookupKind.ABSENT)
    for page in _pages(client, query):
        if isinstance(page, Reply):
            return replace(result, kind=LookupKind.FAILED, reply=page)
        found = ours_among(page, appointment, calcom_id)
        if found is not None and (found.kind is LookupKind.FOUND or result.kind is LookupKind.ABSENT):
            result = found
        if result.kind is LookupKind.FOUND:
            break
    return result


def _pages(client: CalcomReads, query: Query) -> Iterator[tuple[Booking, ...] | Reply]:
    """Yield page after page, and a Reply if a page cannot be read or the list does not end."""
    skip = 0
    for _ in range(MAX_PAGES):
        page = read_list(client.list_bookings({**query, "skip": skip}))
        if isinstance(page, Reply):
            yield page
            return
        yield page.bookings
        if not page.remaining or not page.bookings:
            return
        skip += len(page.bookings)
    yield Reply(
        kind=ReplyKind.UNKNOWN,
        outcome=CallOutcome.IGNORED,
        error_type=ErrorType.UNREADABLE,
        message=f"more than {skip} bookings are listed: Cal.com ignores the filters",
    )


def _may_be_ours(booking: Booking, appointment: Appointment, calcom_id: int | None) -> bool:
    """Return whether `booking` has our reference, and our event type or a deleted event type."""
    if str(appointment.uuid) not in booking.marks:
        return False
    if appointment.event_type_id is not None:
        return booking.event_type_id in (None, appointment.event_type_id)
    return booking.event_type_slug in (None, appointment.event_type_slug) or booking.event_type_id == calcom_id


def _start(booking: Booking) -> datetime:
    return booking.start or datetime.max.replace(tzinfo=UTC)


def _result(kind: LookupKind, booking: Booking, appointment: Appointment) -> LookupResult:
    there = booked_there(booking, appointment, booking.marks[str(appointment.uuid)])
    if kind is LookupKind.MOVED:
        there = replace(there, uid=booking.moved_to, awaits_host=None)
    return LookupResult(kind=kind, there=there, event_type_id=booking.event_type_id)

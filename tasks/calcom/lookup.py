"""Look for our own booking at Cal.com ("Looking for our booking", docs/calcom.md): narrow, so that it can only find."""

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
MAX_PAGES = 20  # with the filters at work there is one; a server that ignores them must not keep us for ever
_NOWHERE = BookedThere(None)
_NOWHERE = BookedThere(None)
_LONGEST_EVENT = timedelta(hours=24)  # Cal.com's own limit

Query = dict[str, str | int]


class LookupKind(StrEnum):
    """Say what a lookup saw."""

    FOUND = "found"  # our booking lives: confirmed
    CANCELLED = "cancelled"  # our booking was made, and then cancelled or declined at Cal.com
    MOVED = "moved"  # our booking was rescheduled at Cal.com: `uid` is the one that it is now
    ABSENT = "absent"  # not in the list: what that proves is for `tasks.unknown.evidence` to say
    FAILED = "failed"  # the lookup itself failed, or did not see enough to say "absent": `reply` says how


@dataclass(frozen=True, slots=True)
class HalfMade:
    """Hold a live booking with seats, of our event type and start, with our very address and not our reference.

    With `reference` another request of this attendee has it; with a `seat_uid` alone it was booked by another way;
    with neither Cal.com has made a seat by half.
    """

    uid: str
    seat_uid: str | None
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupResult:
    """Hold what one lookup saw.

    `there` is as what it is booked, and `event_type_id` the number of its event type, of a booking that was found.
    `deleted`: Cal.com has no such event type any more.
    Of a deciding lookup alone: `stranger` says that the answer shows a booking of the type in which the key's user has
    no part, which proves sight of a personal one; `taken_until` is when others' accepted bookings of the type at our
    start end; `half_made` is the booking that is neither ours nor absent; `hides_seats` says that one at our start has
    somebody's half made seat: then Cal.com offers the time no more, whatever room there is (seen).
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


def lookup(
    client: CalcomReads,
    appointment: Appointment,
    *,
    calcom_id: int | None = None,
    by_address: bool = True,
) -> LookupResult:
    """List bookings until ours is found, or all were seen.

    `calcom_id` is Cal.com's number of the event type, where the appointment names it by slug. `by_address` is cheaper,
    and shows the key of a collective's second host nothing (docs/calcom.md, row 16). Ours carries our
    reference at the same instant and for the same event type (a reschedule keeps the metadata). One that lives ends
    the lookup; of those that do not, the newest counts, so the rest of the list is seen first.
    """
    query = narrowed(appointment, calcom_id)
    if by_address and appointment.attendee_email is not None:  # byte for byte; what Cal.com makes of a phone is its own
        query["attendeeEmail"] = appointment.attendee_email
    result = followed(client, appointment, _search(client, appointment, query, calcom_id))
    if "eventTypeId" in query and result.reply is not None and result.reply.kind is ReplyKind.DELETED:
        del query["eventTypeId"]  # what was booked of it is still listed, without a type
        return replace(followed(client, appointment, _search(client, appointment, query, calcom_id)), deleted=True)
    return result


def followed(client: CalcomReads, appointment: Appointment, result: LookupResult) -> LookupResult:
    """Return a MOVED as what it is now, which may be cancelled.

    Where Cal.com does not know that one, nobody can say when it is; where it does not answer, the lookup has failed.
    """
    before = result.there
    if result.kind is not LookupKind.MOVED or before.uid is None:
        return result
    now = follow(before.uid, client.booking)
    if isinstance(now, Reply):
        unknown = now.kind is ReplyKind.REFUSED
        return result if unknown else replace(result, kind=LookupKind.FAILED, there=_NOWHERE, reply=now)
    seat_uid = now.marks.get(str(appointment.uuid), before.seat_uid)  # a moved seat may have a new one
    return replace(
        result,
        kind=LookupKind.CANCELLED if now.cancelled else LookupKind.MOVED,
        there=replace(booked_there(now, appointment, seat_uid), series_uid=before.series_uid),
    )


def narrowed(appointment: Appointment, calcom_id: int | None) -> Query:
    """Return the filters for bookings of the event type at the start: none may hide ours, each may be ignored.

    That happened (docs/calcom.md). The end is the longest that an event can have.
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
    """Return the booking that answers the appointment: one that lives, else the newest of those that do not.

    A series carries one reference at many starts: its week at our start counts, and when that is over, its first that
    lives.
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
    """Return whether `booking` is certainly of the appointment's event type."""
    number = appointment.event_type_id or calcom_id
    if number is not None:
        return booking.event_type_id == number
    if booking.event_type_slug != appointment.event_type_slug:
        return False
    return appointment.username in booking.hosts  # slugs are each owner's own, and which team's is not shown


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
    """Yield page after page; a Reply when there is none, or when the list does not end."""
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
    """Return whether `booking` carries our reference for our event type; one whose type has been deleted may."""
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

"""Read in one answer all bookings of an event type since our POST: only such a lookup may find that ours is absent.

The query filters by no status, address or time: with `attendeeEmail` the key of a collective's second host is shown
nothing, although it may read the booking (11 of 11, seen; docs/calcom.md, "Looking for our booking").
"""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from db.appointments.appointment import Appointment
from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import Page, read_list
from tasks.calcom.event_type_answers import Me
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.http.headers import answered_at
from tasks.calcom.lookup import (
    PAGE,
    HalfMade,
    LookupKind,
    LookupResult,
    Query,
    followed,
    narrowed,
    ours_among,
    shows_type,
)
from tasks.calcom.reads import CalcomReads
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.calcom.request_body import attendee_address

LARGEST_PAGE = 250  # Cal.com's own limit
TRIES = 3  # of one page: while others book, 8 of 60 answers count one booking too many
_MISCOUNTED = 1  # Cal.com never counts more than one booking too many
# The margin covers the time between the row's claim and the answer, and errors of Cal.com's clock. A long margin costs
# a call only if the type was booked a hundred times since then (the length of a page).
_CLOCKS_MARGIN = timedelta(minutes=5)


def deciding_lookup(
    client: CalcomReads, appointment: Appointment, *, calcom_id: int | None, me: Me | None
) -> LookupResult:
    """Return whether one complete answer lists our booking, and what else it proves.

    `calcom_id` is Cal.com's number of the event type, if the appointment names it by slug; `me` is the user of our key
    (None: not known). A booking that is found counts in any answer. Ours is absent only if a single answer lists all
    bookings, or all that were created since the request, or all at the booking's time; else the lookup has failed.
    """
    return followed(client, appointment, _whole_answer(client, appointment, calcom_id, me))


def _whole_answer(client: CalcomReads, appointment: Appointment, calcom_id: int | None, me: Me | None) -> LookupResult:
    at_its_time = narrowed(appointment, calcom_id) | {"take": LARGEST_PAGE}
    number, deleted = at_its_time.get("eventTypeId"), False
    if number is not None:
        answer, page = _ask(client, {"eventTypeId": number, "sortCreated": "desc", "take": PAGE})
        if isinstance(page, Page):
            since = _since(appointment, answer)
            result = _read(page, appointment, calcom_id, me)
            if _is_whole(page) or _reaches(page, since) or result.kind is LookupKind.FOUND:
                return result
        elif page.kind is ReplyKind.DELETED:  # the type's bookings are still listed, without a type
            deleted = True
            del at_its_time["eventTypeId"]
        else:
            return LookupResult(kind=LookupKind.FAILED, reply=page)
    _, page = _ask(client, at_its_time)
    if isinstance(page, Reply):
        return LookupResult(kind=LookupKind.FAILED, reply=page, deleted=deleted)
    result = replace(_read(page, appointment, calcom_id, me), deleted=deleted)
    if _is_whole(page) or result.kind is LookupKind.FOUND:
        return result
    return replace(result, kind=LookupKind.FAILED, reply=_TOO_MANY)


_TOO_MANY = Reply(
    kind=ReplyKind.UNKNOWN,
    outcome=CallOutcome.IGNORED,
    error_type=ErrorType.UNREADABLE,
    message=f"more than {LARGEST_PAGE} bookings are listed at one time: Cal.com ignores the filters, or miscounts",
)


def _ask(client: CalcomReads, query: Query) -> tuple[Answer | NoAnswer, Page | Reply]:
    """Return a page; request it again at once if it lists fewer bookings than it counts."""
    for _ in range(TRIES):
        answer = client.list_bookings(query)
        page = read_list(answer)
        if isinstance(page, Reply) or not page.short:
            break
    return answer, page


def _is_whole(page: Page) -> bool:
    """Return whether the page lists all bookings."""
    return not page.remaining and page.missing <= _MISCOUNTED


def _reaches(page: Page, since: datetime | None) -> bool:
    """Return whether the page lists all bookings created since `since`: it is sorted, and its last booking is older."""
    moments = [booking.created_at for booking in page.bookings if booking.created_at is not None]
    if since is None or not moments or len(moments) < len(page.bookings) or page.missing > _MISCOUNTED:
        return False
    return moments[-1] < since and all(newer >= older for newer, older in pairwise(moments))


def _since(appointment: Appointment, answer: Answer | NoAnswer) -> datetime | None:
    """Return a time before all POSTs of the appointment, by Cal.com's clock; None: the answer has no Date.

    The last POST is not enough: an earlier one of unknown outcome may have booked, too.
    """
    date = answered_at(answer.headers) if isinstance(answer, Answer) else None
    return None if date is None else date - (appointment.updated_at - appointment.created_at) - _CLOCKS_MARGIN


def _read(page: Page, appointment: Appointment, calcom_id: int | None, me: Me | None) -> LookupResult:
    found = ours_among(page.bookings, appointment, calcom_id)
    reference = str(appointment.uuid)
    of_type = [booking for booking in page.bookings if shows_type(booking, appointment, calcom_id)]
    return replace(
        found or LookupResult(kind=LookupKind.ABSENT),
        stranger=me is not None and any(_is_strange(booking, me) for booking in of_type),
        taken_until=frozenset(
            other.end
            for other in of_type
            if other.accepted and other.end and other.is_at(appointment.start_at) and reference not in other.marks
        ),
        half_made=_half_made(of_type, appointment) if found is None else None,
        hides_seats=any(
            seat.seat_uid is None and seat.reference is None
            for booking in _shared(of_type, appointment)
            for seat in booking.attendees
        ),
    )


def _is_strange(booking: Booking, me: Me) -> bool:
    """Return whether the key's user takes no part in a booking; without hosts or attendees a booking proves nothing."""
    attendees = [attendee.email.lower() for attendee in booking.attendees if attendee.email is not None]
    if not booking.host_ids or not attendees:
        return False
    return me.user_id not in booking.host_ids and me.email.lower() not in attendees


def _half_made(bookings: list[Booking], appointment: Appointment) -> HalfMade | None:
    """Return a seat with our address but not our reference; first choice: no reference, second: no seat uid."""
    address = attendee_address(appointment)
    if address is None:
        return None
    found = [
        HalfMade(booking.uid, seat.seat_uid, seat.reference)
        for booking in _shared(bookings, appointment)
        for seat in booking.attendees
        if seat.email == address
    ]
    return min(found, key=lambda half: (half.reference is not None, half.seat_uid is not None), default=None)


def _shared(bookings: list[Booking], appointment: Appointment) -> list[Booking]:
    """Return the bookings with seats at the appointment's start that are not cancelled."""
    return [
        booking
        for booking in bookings
        if booking.seated and not booking.cancelled and booking.is_at(appointment.start_at)
    ]

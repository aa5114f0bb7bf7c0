"""Ask Cal.com about bookings that its list does not show, until a row can be judged."""

from collections.abc import Callable
from datetime import timedelta

from db import appointments
from db.appointments.appointment import Appointment
from db.event_kind import EventKind
from tasks.audit.calls import AuditCalls
from tasks.audit.compare import judge
from tasks.audit.finding import AuditFinding, NoFinding
from tasks.audit.listing import (
    MAY_PASS,
    PAGE,
    TRIES,
    About,
    Answered,
    Listing,
    Question,
    between,
    read_listing,
    wait_after,
)
from tasks.audit.motion import unless_in_motion
from tasks.calcom.booking_answers import read_bookings, read_list
from tasks.calcom.event_type_answers import read_event_type
from tasks.calcom.reply import Reply, ReplyKind
from tasks.guarded_calls import event_type_lookup


def verdict(calls: AuditCalls, row: Appointment, listing: Listing, *, settled: bool) -> AuditFinding | NoFinding:
    """Judge a row, and ask Cal.com as long as a question is open; each answer is added to the listing.

    Raises:
        AuditHalted: The breaker denies the call.
    """
    while isinstance(judged := judge(row, listing, settled=settled), Question):
        if judged.about is About.EVENT_TYPE:
            listing.answers[judged] = _ask_type(calls, row, listing)
        elif judged.about is About.ATTENDEE:
            listing.answers[judged] = _ask_attendee(calls, row, judged, listing)
        else:
            listing.answers[judged] = ask_booking(calls, judged, listing)
    if not isinstance(judged, AuditFinding):
        return judged
    with calls.deps.engine.connect() as conn:
        return unless_in_motion(conn, judged, listing.began, calls.deps)


def look_again(
    calls: AuditCalls, found: AuditFinding, *, settled: Callable[[Appointment], bool]
) -> AuditFinding | NoFinding:
    """Judge a finding's row again, by what Cal.com now shows for the row's start and for each booking in the finding.

    Raises:
        AuditHalted: The list could not be read whole, or the breaker lets nothing through.
    """
    if found.row is None:
        return found
    at = found.row.present_start
    listing = read_listing(calls, between(at, at + timedelta(milliseconds=1)))
    for place in found.there:
        if place.uid not in listing.bookings:
            ask_booking(calls, Question(About.BOOKING, place.uid), listing)
    with calls.deps.engine.connect() as conn:
        row = appointments.get(conn, found.row.id)
    return NoFinding.AGREES if row is None else verdict(calls, row, listing, settled=settled(row))


def ask_booking(calls: AuditCalls, question: Question, listing: Listing) -> Answered:
    """Ask for a booking, a series or a seat by its uid, and add what is shown to the listing.

    Raises:
        AuditHalted: The breaker denies the call.
    """
    ask = calls.booking_of_seat if question.about is About.SEAT else calls.booking
    for attempt in range(TRIES):
        shown = read_bookings(ask(question.uid))
        if not isinstance(shown, Reply):
            for booking in shown:
                listing.add(booking)
            return Answered.FOUND
        if shown.kind is ReplyKind.REFUSED and shown.http_status == 404:
            return Answered.NOWHERE
        if shown.kind not in MAY_PASS or attempt + 1 == TRIES:
            break
        wait_after(calls, shown, attempt)
    return Answered.UNREADABLE


def _ask_attendee(calls: AuditCalls, row: Appointment, question: Question, listing: Listing) -> Answered:
    """Look for the row's reference among the newest bookings of its attendee: a seat that was moved is one of these."""
    page = read_list(calls.list_bookings({"attendeeEmail": question.uid, "sortCreated": "desc", "take": PAGE}))
    if isinstance(page, Reply):
        return Answered.UNREADABLE
    for booking in page.bookings:
        if str(row.uuid) in booking.marks:
            listing.add(booking)
    return Answered.FOUND


def _ask_type(calls: AuditCalls, row: Appointment, listing: Listing) -> Answered:
    """Find out how many weeks the row's event type makes; if a worker has stored the number, that costs no call."""
    known = event_type_lookup.known(calls.deps, row)
    if known is not None and known.kind is not EventKind.UNKNOWN:
        listing.occurrences[row.event_type] = known.occurrences
        return Answered.FOUND
    numbers = (place.booking.event_type_id for place in listing.of(row) if place.booking.event_type_id is not None)
    number = row.event_type_id or next(numbers, None)
    facts = None if number is None else read_event_type(calls.event_type(number))
    if facts is None or isinstance(facts, Reply):
        return Answered.UNREADABLE
    listing.occurrences[row.event_type] = facts.occurrences
    return Answered.FOUND

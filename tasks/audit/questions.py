"""Ask Cal.com for what its list does not show, one question after the other, until a row can be judged."""

from db.appointments.appointment import Appointment
from db.event_kind import EventKind
from tasks import event_types
from tasks.audit.calls import AuditCalls
from tasks.audit.compare import judge
from tasks.audit.finding import AuditFinding, NoFinding
from tasks.audit.listing import MAY_PASS, TRIES, About, Answered, Listing, Question, wait_after
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.event_types import read_event_type
from tasks.calcom.reply import Reply, ReplyKind


def verdict(calls: AuditCalls, row: Appointment, listing: Listing, *, settled: bool) -> AuditFinding | NoFinding:
    """Judge a row, and ask as long as that leaves a question; what is told is added to the list.

    Raises:
        AuditHalted: The breaker lets nothing through.
    """
    while isinstance(said := judge(row, listing, settled=settled), Question):
        if said.about is About.EVENT_TYPE:
            listing.answers[said] = _ask_type(calls, row, listing)
        else:
            listing.answers[said] = _ask_booking(calls, said, listing)
    return said


def _ask_booking(calls: AuditCalls, question: Question, listing: Listing) -> Answered:
    ask = calls.booking_of_seat if question.about is About.SEAT else calls.booking
    for attempt in range(TRIES):
        told = read_bookings(ask(question.uid))
        if not isinstance(told, Reply):
            for booking in told:
                listing.add(booking)
            return Answered.FOUND
        if told.kind is ReplyKind.REFUSED and told.http_status == 404:
            return Answered.NOWHERE
        if told.kind not in MAY_PASS or attempt + 1 == TRIES:
            break
        wait_after(calls, told, attempt)
    return Answered.UNTOLD


def _ask_type(calls: AuditCalls, row: Appointment, listing: Listing) -> Answered:
    """Find out how many weeks the row's event type makes; what a worker was told of it costs no call."""
    known = event_types.known(calls.deps, row)
    if known is not None and known.kind is not EventKind.UNKNOWN:
        listing.occurrences[row.event_type] = known.occurrences
        return Answered.FOUND
    shown = (place.booking.event_type_id for place in listing.of(row) if place.booking.event_type_id is not None)
    number = row.event_type_id or next(shown, None)
    told = None if number is None else read_event_type(calls.event_type(number))
    if told is None or isinstance(told, Reply):
        return Answered.UNTOLD
    listing.occurrences[row.event_type] = told.occurrences
    return Answered.FOUND

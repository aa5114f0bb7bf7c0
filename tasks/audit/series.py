"""Whether Cal.com made all weeks of a series: one POST makes them one by one, and may be cut in the middle.

Made, not alive: a week that a person cancelled or moved afterwards stays in the series as cancelled, while a week that
was never made is not in it ("GET by recurringBookingUid", seen on the real server). So a healthy series stays healthy
whatever people do with it.
"""

from db.appointments.appointment import Appointment
from tasks.audit.finding import AuditFinding, AuditFindingKind, NoFinding, finding, uid_of
from tasks.audit.listing import About, Answered, Listing, Question
from tasks.calcom.booking import Booking


def cut(
    row: Appointment, booking: Booking | None, listing: Listing, *, settled: bool
) -> AuditFinding | NoFinding | Question:
    """Count the weeks of a confirmed row's series, if it is one, against what its event type makes."""
    series = row.series_uid or (booking.series_uid if booking is not None else None)
    if series is None:
        return NoFinding.AGREES
    of = row.series_of
    if of is None:
        question = Question(About.EVENT_TYPE, row.event_type)
        if question not in listing.answers:
            return question
        of = listing.occurrences.get(row.event_type)
    if of is None or listing.made(series) >= of:
        return NoFinding.AGREES  # the type does not recur any more, or this key may not read it: nobody can tell
    question = Question(About.BOOKING, series)
    if question not in listing.answers:
        return question
    if listing.answers[question] is Answered.UNREADABLE:
        return NoFinding.CANNOT_TELL
    if not settled:
        return NoFinding.TOO_YOUNG
    message = f"only {listing.made(series)} of {of} weeks of {uid_of(row)} were made at Cal.com"
    return finding(AuditFindingKind.SERIES_CUT, row, message)

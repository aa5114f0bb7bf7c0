"""Judge whether the booking that a confirmed row names is elsewhere by now, since its host or attendee has moved it."""

from collections.abc import Sequence

from db.appointments.appointment import Appointment
from tasks.audit.finding import AuditFinding, AuditFindingKind, Fix, NoFinding, finding, uid_of
from tasks.audit.listing import About, Answered, BookedPlace, Listing, Question
from tasks.calcom.booking import Booking
from tasks.words import clock


def moved(row: Appointment, booking: Booking, own: BookedPlace | None) -> AuditFinding | NoFinding:
    """Compare uid and start of a confirmed row with those of its live booking; `own` is the row's part of it."""
    if booking.start is None:
        return NoFinding.AGREES
    place = own or BookedPlace(str(row.uuid), booking, row.calcom_seat_uid, whole=False)
    is_same = booking.uid == row.calcom_booking_uid and row.calcom_seat_uid in (None, place.seat_uid)
    if is_same and booking.is_at(row.present_start):
        return NoFinding.AGREES
    message = f"{uid_of(row)} was moved at Cal.com: it is {place.name}, {clock(booking.start)}"
    return finding(AuditFindingKind.MOVED, row, message, [place], Fix.FOLLOW)


def next_week(row: Appointment, weeks: Sequence[Booking]) -> AuditFinding | NoFinding:
    """Judge a row whose first week is cancelled while others live: its booking begins with the next one."""
    alive = [(week.start, week) for week in weeks if not week.cancelled and week.start is not None]
    return moved(row, min(alive, key=lambda one: one[0])[1], None) if alive else NoFinding.AGREES


def seat_moved(
    row: Appointment, others: Sequence[BookedPlace], listing: Listing
) -> AuditFinding | NoFinding | Question | None:
    """Judge a row whose seat is gone: a seat that a person moves to an empty time gets another uid, and lives there.

    None: it was not moved, as far as this key is shown. The list of a range may lack the day to which it was moved.
    """
    if len(others) == 1 and others[0].seat_uid is not None:
        return moved(row, others[0].booking, others[0])
    if others or row.attendee_email is None:
        return None
    question = Question(About.ATTENDEE, row.attendee_email)
    if question not in listing.answers:
        return question
    return NoFinding.CANNOT_TELL if listing.answers[question] is Answered.UNREADABLE else None

"""Say where a booking stands at Cal.com: one that was rescheduled is followed from one uid to the next."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from db.appointments.appointment import Appointment
from db.appointments.there.places import BookedThere
from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind

MAX_MOVES = 5  # nobody moves a booking about for ever, and a hostile server could name another one for ever

_TOO_OFTEN = Reply(
    kind=ReplyKind.UNKNOWN,
    outcome=CallOutcome.IGNORED,
    error_type=ErrorType.UNREADABLE,
    message=f"a booking was rescheduled more than {MAX_MOVES} times",
)


def follow(
    uid: str, ask: Callable[[str], Answer | NoAnswer], shown: Mapping[str, Booking] = MappingProxyType({})
) -> Booking | Reply:
    """Return the booking that `uid` is now, which may be cancelled; a Reply where Cal.com does not show it.

    `ask` asks for a booking by its uid; those in `shown` are known.
    """
    for _ in range(MAX_MOVES):
        booking = shown.get(uid) or _read(uid, ask)
        if isinstance(booking, Reply) or booking.moved_to is None:
            return booking
        uid = booking.moved_to
    return _TOO_OFTEN


def booked_there(booking: Booking, row: Appointment, seat_uid: str | None) -> BookedThere:
    """Return as what `row` is booked: this booking, of it the seat where it has seats."""
    start = None if booking.is_at(row.start_at) else booking.start
    return BookedThere(booking.uid, seat_uid, booking.series_uid, start, booking.awaits_host)


def _read(uid: str, ask: Callable[[str], Answer | NoAnswer]) -> Booking | Reply:
    found = read_bookings(ask(uid))
    return found if isinstance(found, Reply) else next((one for one in found if one.uid == uid), found[0])

"""What the other rows of ours say about a booking: Cal.com may have refused it, or may end it, for the sake of one."""

from uuid import UUID

from db.appointments import others
from db.changes import seats
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.reply import Reply
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from tasks.work.claim import BookingClaim
from tasks.work.decisions import BookingDecisions
from tasks.work.moves import Move


def is_foreign(claim: BookingClaim, reply: Reply) -> bool:
    """Return whether a 201's booking is certainly not from a POST of ours in flight together with the claimed row's."""
    try:
        reference = UUID(reply.other_reference or "")
    except ValueError:
        return True
    with claim.deps.autocommit.connect() as conn:
        return others.was_booked_before(conn, reference, claim.row) is not False


def is_seated_before(claim: BookingClaim, calls: GuardedCalls) -> bool:
    """Return whether a row of ours, never in flight with the claimed one, still has a seat for its address."""
    with claim.deps.autocommit.connect() as conn:
        seat = others.seat_before(conn, claim.row)
    try:
        shown = () if seat is None else read_bookings(calls.booking_of_seat(seat))
    except NotNow:
        return False
    return not isinstance(shown, Reply) and any(not booking.cancelled for booking in shown)


def beside_seats(claim: BookingClaim, rules: BookingDecisions) -> Move | None:
    """Return the retry of a booking that would join one whose last seat may be on its way out; None: it may go."""
    with claim.deps.autocommit.connect() as conn:
        unclear = seats.given_up(conn, claim.row.id, claim.row.start_at)
    return None if unclear is None else rules.beside_seats(claim.row, unclear=unclear)

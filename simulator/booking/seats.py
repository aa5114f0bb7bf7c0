"""Share a booking: which one has room at a start, and who may have a seat in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.http.messages import Refusal
from simulator.state.bookings import Attendee

if TYPE_CHECKING:
    from simulator.booking.admission import Wish
    from simulator.state.bookings import Booking
    from simulator.state.world import World


def open_booking(world: World, wish: Wish) -> Booking | None:
    """Find the accepted booking of this start, pending ones are nobody's to join (seen); of two mostly the first."""
    found = [
        booking
        for booking in world.bookings.at(wish.event_type, wish.start)
        if booking.status == "accepted" and booking.start == wish.start
    ]
    if len(found) > 1 and world.rng.random() < world.settings.dedupe_takes_another:
        return world.rng.choice(found[1:])
    return found[0] if found else None


def check_room(wish: Wish, shared: Booking, *, attendee: bool = True) -> None:
    """Refuse a second seat of an attendee, then one too many (seen). `attendee`: False counts only. Raises Refusal."""
    if not wish.event_type.exclusive:
        return
    if attendee and any(seated.email == wish.email for seated in shared.attendees):
        raise Refusal(409, "already_signed_up_for_this_booking_error", shape="B")
    if len(shared.attendees) >= wish.event_type.seats:
        raise Refusal(409, "No more seats left at this seated booking.")


def attendee(wish: Wish, now: float) -> Attendee:
    """Make the row of who books; a seat is given to it later."""
    seated = wish.event_type.seated
    return Attendee(
        name=wish.name,
        email=wish.email,
        time_zone=wish.time_zone,
        language=wish.language,
        phone=wish.phone,
        responses={"name": wish.name, **wish.answers, "guests": list(wish.guests)} if seated else {},
        made=now,
    )

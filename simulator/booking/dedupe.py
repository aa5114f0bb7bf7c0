"""Find the booking that the real server gives back instead of a new one: its dedupe, as measured.

Round robin, or a type that needs confirmation now: the same type, the same start in whole seconds, an attendee's row (a
guest's, too) with this address byte for byte and, if it was sent, this phone; pending where confirmation is needed,
else accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.booking.admission import Wish
    from simulator.state.bookings import Attendee, Booking
    from simulator.state.world import World


def earlier_booking(world: World, wish: Wish) -> Booking | None:
    """Find this attendee's booking; of several any one may come, mostly the first (seen: 18 of 20)."""
    pending = world.needs_confirmation(wish.event_type, wish.start, wish.email)
    if not wish.event_type.exclusive or not (wish.event_type.round_robin or pending):
        return None
    status = "pending" if pending else "accepted"
    found = [
        booking
        for booking in world.bookings.at(wish.event_type, wish.start)
        if booking.status == status and any(_is(wish, attendee) for attendee in booking.attendees)
    ]
    if len(found) > 1 and world.rng.random() < world.settings.dedupe_takes_another:
        return world.rng.choice(found[1:])
    return found[0] if found else None


def _is(wish: Wish, attendee: Attendee) -> bool:
    return attendee.email == wish.email and wish.phone in (None, attendee.phone)

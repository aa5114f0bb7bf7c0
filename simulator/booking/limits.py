"""Refuse what an event type's rules leave no room for: active bookings, the window of time, limits a day and a week.

The first is asked before an attendee's earlier booking is looked for, the others after it (seen): so they are two.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from simulator.http.messages import Refusal

if TYPE_CHECKING:
    from simulator.booking.admission import Wish
    from simulator.state.bookings import Booking
    from simulator.state.world import World

TOO_MANY = "Attendee with this email can't book because the maximum number of active bookings has been reached."
OUT_OF_BOUNDS = (
    "The event type can't be booked at the \"start\" time provided. This could be because it's too soon (violating the "
    "minimum booking notice) or too far in the future (outside the event's scheduling window). Try fetching available "
    'slots first using the GET /v2/slots endpoint and then make a booking with "start" time equal to one of the '
    "available slots."
)


def check_active(world: World, wish: Wish) -> None:
    """Refuse one active booking too many. Raises Refusal, which may name the first of them (seen)."""
    event_type = wish.event_type
    if not event_type.active_bookings:
        return
    active = [
        booking
        for booking in world.bookings.of_attendee(wish.email)
        if booking.event_type.id == event_type.id
        and booking.status == "accepted"  # a pending one does not count (seen)
        and booking.end > world.now
        and any(attendee.email == wish.email for attendee in booking.attendees)
    ]
    if len(active) < event_type.active_bookings:
        return
    uid = active[0].uid
    offer = f" You can reschedule your existing booking ({uid}) to a new timeslot instead."
    raise Refusal(400, TOO_MANY + (offer if event_type.offers_reschedule else ""))


def check_bounds_and_limits(world: World, wish: Wish, *, but: Booking | None = None) -> None:
    """Refuse a start out of bounds, and what a limit of the day or the week leaves no room for. Raises Refusal.

    `but`: a booking that is being moved, which no limit counts.
    """
    event_type, now = wish.event_type, world.now
    if wish.start < now:
        raise Refusal(400, "Attempting to book a meeting in the past.")
    too_soon = wish.start < now + timedelta(minutes=event_type.notice)
    too_far = event_type.window_days and wish.start > now + timedelta(days=event_type.window_days)
    if too_soon or too_far:
        raise Refusal(400, OUT_OF_BOUNDS)
    midnight = wish.start.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    if event_type.bookings_a_week:
        week = world.bookings.accepted_between(event_type, monday, monday + timedelta(days=7))
        _check_count(len([one for one in week if one is not but]), event_type.bookings_a_week)
    if event_type.bookings_a_day or event_type.minutes_a_day:
        day = world.bookings.accepted_between(event_type, midnight, midnight + timedelta(days=1))
        day = [one for one in day if one is not but]
        _check_count(len(day), event_type.bookings_a_day)
        minutes = sum(((booking.end - booking.start) for booking in day), wish.end - wish.start).total_seconds() / 60
        if event_type.minutes_a_day and minutes > event_type.minutes_a_day:
            raise Refusal(401, "duration_limit_reached", shape="B")


def _check_count(count: int, limit: int) -> None:
    if 0 < limit <= count:
        raise Refusal(401, "booking_limit_reached", shape="B")

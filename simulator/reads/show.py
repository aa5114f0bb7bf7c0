"""Serve one booking: GET by uid, by the uid of its series, and by seat. Any key may, or none (seen)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.http.messages import Answer, Call, Refusal, success
from simulator.state.sight import organizes
from simulator.state.views import old

if TYPE_CHECKING:
    from simulator.state.bookings import Booking, View
    from simulator.state.world import World


async def by_uid(world: World, call: Call, uid: str, *, current: bool) -> Answer:
    """Serve GET /v2/bookings/{uid}, from the replica; a series is an array of all its weeks. Raises Refusal."""
    await world.work(call)
    moment = world.replica_time()
    booking = world.bookings.get(uid)
    wanted = [booking] if booking else world.bookings.of_series(uid)
    views = [shown_to(world, call.key, booking, view) for booking in wanted if (view := booking.seen_at(moment))]
    if not views:
        missing = f"uid={uid} was not found in the database" if current else f"UID={uid} does not exist."
        raise Refusal(404, f"Booking with {missing}")
    if not current:
        return success(200, old(views[0]))
    return success(200, views[0] if booking else sorted(views, key=lambda view: str(view["start"])))


async def by_seat(world: World, call: Call, seat: str) -> Answer:
    """Serve GET /v2/bookings/by-seat/{seatUid}, from the replica. Raises Refusal.

    Where attendees are hidden, who is not the organizer sees the one in this seat, and nobody else (seen).
    """
    await world.work(call)
    booking = world.bookings.of_seat(seat)
    view = booking.seen_at(world.replica_time()) if booking else None
    found = [attendee for attendee in view["attendees"] if attendee.get("seatUid") == seat] if view else []
    if booking is None or view is None or not found:
        raise Refusal(404, f"Booking with seatUid={seat} was not found in the database")
    if booking.event_type.attendees_shown or organizes(world, call.key, view):
        return success(200, view)
    return success(200, {**view, "attendees": found})


def shown_to(world: World, key: str | None, booking: Booking, view: View) -> View:
    """Show a booking by uid or as the answer of a POST; some event types hide their attendees from others."""
    seats = booking.event_type
    if not seats.seated or seats.attendees_shown or organizes(world, key, view):
        return view
    return {**view, "attendees": []}

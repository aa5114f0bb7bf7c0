"""Serve what is done to a booking by API: cancel, reschedule, confirm, decline, reassign. By uid, anyone may (seen)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.booking import persons
from simulator.booking.calendar import hosts_for
from simulator.http.messages import Answer, Call, Refusal, success
from simulator.instants import parse
from simulator.state.sight import organizes
from simulator.state.steps import Step
from simulator.state.users import User

if TYPE_CHECKING:
    from simulator.state.bookings import Booking
    from simulator.state.world import World


async def cancel(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../cancel; with a seatUid only that seat goes. Raises Refusal, perhaps though it is done."""
    body = call.body if isinstance(call.body, dict) else {}
    seat = body.get("seatUid")
    if seat is not None:
        _check_seat(world, uid, seat)
    booking = _find(world, uid)
    if booking.status == "cancelled":
        raise Refusal(
            400,
            f"Can't cancel booking with uid={uid} because it has been cancelled already. Please provide uid of a "
            "booking that is not cancelled.",
        )
    reason = (body.get("cancellationReason") or "").strip()
    if booking.event_type.cancellation_reason and not reason and organizes(world, call.key, booking.versions[-1][1]):
        raise Refusal(400, "Cancellation reason is required", shape="B")
    await world.work(call)
    persons.cancel(world, booking, seat, reason)
    if seat is not None and world.rng.random() < world.settings.seat_cancel_says_404:
        raise Refusal(404, "Invalid Query: The requested record was not found.", code="NOT_FOUND", details=None)
    return _shown(booking)


async def reschedule(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../reschedule: a new booking with the old one's metadata. Raises Refusal, KilledError."""
    booking = _find(world, uid)
    if booking.rescheduled_to:
        to = booking.rescheduled_to
        raise Refusal(
            400,
            f"Can't reschedule booking with uid={uid} because it has been cancelled and rescheduled already to booking "
            f"with uid={to}. You probably want to reschedule {to} instead by passing it within the request URL.",
        )
    if booking.status == "cancelled":
        raise Refusal(400, f"Can't reschedule booking with uid={uid} because it has been cancelled.")
    body = call.body if isinstance(call.body, dict) else {}
    start = parse(body.get("start"))
    if start is None:
        raise Refusal(400, "start property is wrong,start must be a valid ISO 8601 date string ")
    hosts = hosts_for(world, booking.event_type, start, start + (booking.end - booking.start))
    await world.reach(call, Step.INSERT)
    moved = persons.move(world, booking, start, hosts, body.get("reschedulingReason") or "")
    call.entry.uid, call.entry.committed_at = moved.uid, world.seconds
    await world.reach(call, Step.ANSWER)
    return success(201, {**moved.versions[-1][1], "isPlatformManagedUserBooking": False})


async def confirm(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../confirm. Raises Refusal."""
    booking = _find(world, uid)
    await world.work(call)
    persons.accept(world, booking)
    return _shown(booking)


async def decline(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../decline. Raises Refusal."""
    booking = _find(world, uid)
    await world.work(call)
    persons.decline(world, booking)
    return _shown(booking)


async def reassign(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../reassign/{userId}: the open server says 200 and changes nothing (seen). Raises Refusal."""
    booking = _find(world, uid)
    await world.work(call)
    user = User(booking.hosts[0])
    host = {"id": user.id, "name": user.name, "email": user.email, "displayEmail": user.email}
    return success(200, {"bookingUid": uid, "reassignedTo": host})


def _check_seat(world: World, uid: str, seat: object) -> None:
    """Refuse a seat that is in no booking, or in another one (read from the source)."""
    home = world.bookings.of_seat(seat) if isinstance(seat, str) else None
    if home is None or all(attendee.seat_uid != seat for attendee in home.attendees):
        raise Refusal(400, "Invalid seatUid: this seat does not exist or has already been cancelled.")
    if home.uid != uid:
        raise Refusal(400, "Invalid seatUid: this seat does not belong to this booking.")


def _find(world: World, uid: str) -> Booking:
    booking = world.bookings.get(uid)
    if booking is None:
        raise Refusal(404, f"Booking with uid={uid} not found")
    return booking


def _shown(booking: Booking) -> Answer:
    return success(200, booking.versions[-1][1])

"""Serve what happens to a booking later: show, cancel, reschedule, confirm, decline. By uid, anyone may (seen)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from simulator import shapes
from simulator.bookings import Booking, SlotKeyTakenError, new_uid
from simulator.calendar import hosts_for
from simulator.event_types import Kind
from simulator.instants import parse
from simulator.messages import Answer, Call, Refusal, success
from simulator.views import old

if TYPE_CHECKING:
    from simulator.world import World


async def show(world: World, call: Call, uid: str, *, current: bool) -> Answer:
    """Serve GET /v2/bookings/{uid}, from the replica. Raises Refusal."""
    await world.work(call)
    booking = world.bookings.get(uid)
    view = booking.seen_at(world.replica_time) if booking else None
    if view is None:
        raise Refusal(404, f"Booking with uid={uid} was not found in the database")
    return success(200, view if current else old(view))


async def cancel(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../cancel; with a seatUid only that seat goes. Raises Refusal."""
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
    reason = body.get("cancellationReason")
    if booking.event_type.cancellation_reason and not reason:
        raise Refusal(400, "Cancellation reason is required", shape="B")
    await world.work(call)
    booking.updated = world.now
    others = [attendee for attendee in booking.attendees if attendee.seat_uid != seat]
    if seat and others:
        booking.attendees = others
        world.bookings.publish(booking, now=world.seconds)
    else:
        booking.cancellation_reason = reason or ""
        world.bookings.end(booking, "cancelled", now=world.seconds)
    return _shown(booking)


async def reschedule(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../reschedule: a new booking with the old one's metadata. Raises Refusal."""
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
    end = start + (booking.end - booking.start)
    hosts = hosts_for(world, booking.event_type, start, end)
    await world.work(call)
    reason = body.get("reschedulingReason") or ""
    moved = replace(
        booking,
        id=len(world.bookings) + 1,
        uid=new_uid(),
        hosts=hosts,
        status="pending" if booking.event_type.kind is Kind.CONFIRM else "accepted",
        start=start,
        end=end,
        attendees=list(booking.attendees),
        created=world.now,
        updated=world.now,
        responses={**booking.responses, "rescheduledReason": reason},
        rescheduled_from=uid,
        rescheduling_reason=reason,
        versions=[],
    )
    try:
        world.bookings.add(moved, now=world.seconds)
    except SlotKeyTakenError as error:
        raise shapes.race_lost() from error
    booking.rescheduled_to, booking.updated = moved.uid, world.now
    world.bookings.end(booking, "cancelled", now=world.seconds)
    call.entry.uid, call.entry.committed_at = moved.uid, world.seconds
    return success(201, {**moved.versions[-1][1], "isPlatformManagedUserBooking": False})


async def confirm(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../confirm. Raises Refusal."""
    booking = _find(world, uid)
    await world.work(call)
    if booking.status == "pending":
        booking.updated = world.now
        world.bookings.accept(booking, now=world.seconds)
    return _shown(booking)


async def decline(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../decline. Raises Refusal."""
    booking = _find(world, uid)
    await world.work(call)
    if booking.status == "pending":
        booking.updated = world.now
        world.bookings.end(booking, "rejected", now=world.seconds)
    return _shown(booking)


def _check_seat(world: World, uid: str, seat: object) -> None:
    """Refuse a seat that is in no booking, or in another one (read from the source)."""
    homes = [one.uid for one in world.bookings for attendee in one.attendees if attendee.seat_uid == seat]
    if not homes:
        raise Refusal(400, "Invalid seatUid: this seat does not exist or has already been cancelled.")
    if uid not in homes:
        raise Refusal(400, "Invalid seatUid: this seat does not belong to this booking.")


def _find(world: World, uid: str) -> Booking:
    booking = world.bookings.get(uid)
    if booking is None:
        raise Refusal(404, f"Booking with uid={uid} not found")
    return booking


def _shown(booking: Booking) -> Answer:
    return success(200, booking.versions[-1][1])

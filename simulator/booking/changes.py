"""Serve what a host does to a booking by API: confirm, decline, reassign. By uid, anyone may (seen)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.booking import persons, webhooks
from simulator.http.messages import Answer, Call, Refusal, success
from simulator.state.users import User

if TYPE_CHECKING:
    from simulator.state.bookings import Booking
    from simulator.state.world import World


async def confirm(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../confirm, of a series of all its weeks; a cancelled booking is accepted again (seen)."""
    booking = _find(world, uid)
    await world.work(call)
    for week in persons.weeks_of(world, booking):
        persons.revive(world, week) if week.status == "cancelled" else persons.accept(world, week)
    await webhooks.confirmed(world, booking)
    return _shown(booking)


async def decline(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../decline, of a series of all its weeks; a cancelled booking is declined as well (seen)."""
    booking = _find(world, uid)
    await world.work(call)
    for week in persons.weeks_of(world, booking):
        persons.decline(world, week)
    await webhooks.declined(world, booking)
    return _shown(booking)


async def reassign(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../reassign/{userId}: the open server says 200 and changes nothing (seen). Raises Refusal."""
    booking = _find(world, uid)
    await world.work(call)
    user = User(booking.hosts[0])
    host = {"id": user.id, "name": user.name, "email": user.email, "displayEmail": user.email}
    return success(200, {"bookingUid": uid, "reassignedTo": host})


def _find(world: World, uid: str) -> Booking:
    booking = world.bookings.get(uid)
    if booking is None:
        raise Refusal(404, f"Booking with uid={uid} not found")
    return booking


def _shown(booking: Booking) -> Answer:
    return success(200, booking.versions[-1][1])

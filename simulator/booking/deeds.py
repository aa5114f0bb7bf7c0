"""Do what a person does by Cal.com's pages, and send its webhook: a cancel's before it is written (seen)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.booking import persons, webhooks

if TYPE_CHECKING:
    from simulator.state.bookings import Booking
    from simulator.state.world import World

ENDS = ("cancel", "ask_for_time")


async def order(world: World, wanted: dict[str, Any]) -> list[Booking]:
    """Do what an order says (persons.py). Raises DeedError, Refusal."""
    do = wanted.get("do") if isinstance(wanted, dict) else None
    booking = world.bookings.get(str(wanted.get("uid"))) if do else None
    status = booking.status if booking else None
    is_whole = booking is not None and (wanted.get("seat") is None or len(booking.attendees) == 1)
    if booking is not None and booking.lives and do in ENDS and is_whole:
        await webhooks.cancelled(world, booking, str(wanted.get("reason", "")), asks_for_time=do == "ask_for_time")
    done = persons.order(world, wanted)
    if booking is None:
        return done
    if do == "cancel" and not is_whole:
        await webhooks.cancelled(world, booking)
    elif do == "move":
        await webhooks.moved(world, booking, done[0])
    elif do in ("accept", "revive") and booking.status != status:
        await webhooks.confirmed(world, booking)
    elif do == "decline" and booking.status != status:
        await webhooks.declined(world, booking)
    return done

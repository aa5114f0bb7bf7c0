"""Read a booking again while it is changed: perhaps from a replica that lags; and check the body of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.http.messages import Call, Refusal

if TYPE_CHECKING:
    from simulator.state.bookings import Booking, View
    from simulator.state.world import World


def as_read(world: World, booking: Booking) -> View | None:
    """Give what a change reads of a booking; None: the replica has not got it yet (seen)."""
    return booking.seen_at(world.replica_time() if world.settings.lag_breaks_posts else world.seconds)


def shown(world: World, booking: Booking) -> View:
    """Give what the answer of a change shows of a booking that it has read before."""
    return as_read(world, booking) or booking.versions[-1][1]


def body_of(call: Call, known: tuple[str, ...]) -> dict[str, Any]:
    """Give the body of a change. Raises Refusal (400 A) for a property that nobody knows."""
    body = call.body if isinstance(call.body, dict) else {}
    wrong = [f"{name} property is wrong,property {name} should not exist " for name in body if name not in known]
    if wrong:
        raise Refusal(400, ", ".join(wrong))
    return body

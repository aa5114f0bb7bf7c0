"""Find the hosts for a slot: what the real server reads before it writes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from simulator.http import shapes
from simulator.http.messages import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.state.bookings import Booking
    from simulator.state.event_types import EventType
    from simulator.state.world import World


def hosts_for(
    world: World, event_type: EventType, start: datetime, end: datetime, *, but: Booking | None = None
) -> tuple[str, ...]:
    """Choose the hosts of a new booking, the organizer first. Raises Refusal when there is no room.

    `but`: a booking that is being moved, which takes no time.
    """
    event_type = world.free_to_host(event_type)
    if not event_type.exclusive:
        return event_type.hosts if event_type.collective else (event_type.organizer,)
    taken = Refusal(400, shapes.HOSTS_TAKEN if event_type.of_team else shapes.TAKEN)
    if not _open(event_type, start, end):
        raise taken
    free = [host for host in event_type.everybody if not world.bookings.busy(host, start, end, but=but)]
    needed = event_type.everybody if event_type.collective else event_type.fixed_hosts
    if not free:
        raise taken
    if not set(needed) <= set(free):
        raise shapes.broken()  # seen: a busy host that must come is a 500, while another one is free
    if event_type.round_robin:
        return _round_robin(world, event_type, free)
    return event_type.everybody if event_type.collective else (free[0],)


def offered(world: World, event_type: EventType, start: datetime, length: int) -> bool:
    """Say whether /v2/slots would offer this start."""
    end = start + timedelta(minutes=length)
    if start < world.now + timedelta(minutes=event_type.notice):
        return False
    if event_type.window_days and start > world.now + timedelta(days=event_type.window_days):
        return False
    if event_type.seated and event_type.exclusive:
        booked = [booking for booking in world.bookings.at(event_type, start) if booking.status == "accepted"]
        if booked:  # a full one is offered, without a seat left; one that is half made hides all of its seats (seen)
            return any(not booking.half_made for booking in booked)
    try:
        hosts_for(world, event_type, start, end)
    except Refusal:
        return False
    return True


def _round_robin(world: World, event_type: EventType, free: list[str]) -> tuple[str, ...]:
    """Take the fixed hosts, and of the free ones the one with the fewest bookings of this type."""
    counts = dict.fromkeys(event_type.hosts, 0)
    for booking in world.bookings.of([event_type.id]):
        if booking.lives and booking.hosts[0] in counts:
            counts[booking.hosts[0]] += 1
    lucky = sorted((host for host in event_type.hosts if host in free), key=lambda host: counts[host])[:1]
    return (*event_type.fixed_hosts, *lucky)


def _open(event_type: EventType, start: datetime, end: datetime) -> bool:
    if not event_type.office_hours:
        return True
    opens = start.replace(hour=9, minute=0, second=0, microsecond=0)
    return start.weekday() < 5 and opens <= start and end <= opens + timedelta(hours=8)

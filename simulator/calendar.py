"""Find the hosts for a slot: what the real server reads before it writes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from simulator import shapes
from simulator.event_types import Kind
from simulator.messages import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.event_types import EventType
    from simulator.world import World


def hosts_for(world: World, event_type: EventType, start: datetime, end: datetime) -> tuple[str, ...]:
    """Choose the hosts of a new booking, the organizer first. Raises Refusal when there is no room."""
    if not event_type.exclusive:
        return event_type.hosts if event_type.kind is Kind.COLLECTIVE else (event_type.organizer,)
    if not _open(event_type, start, end):
        raise Refusal(400, shapes.HOSTS_TAKEN if event_type.of_team else shapes.TAKEN)
    free = [host for host in event_type.hosts if not world.bookings.busy(host, start, end)]
    if event_type.kind is Kind.ROUND_ROBIN:
        return _round_robin(world, event_type, free, start, end)
    if event_type.kind is Kind.COLLECTIVE and free and len(free) < len(event_type.hosts):
        raise shapes.broken()  # seen: a collective with one busy host is a 500 for good
    if not free:
        raise Refusal(400, shapes.HOSTS_TAKEN if event_type.of_team else shapes.TAKEN)
    return event_type.hosts if event_type.kind is Kind.COLLECTIVE else (free[0],)


def offered(world: World, event_type: EventType, start: datetime, length: int) -> bool:
    """Say whether /v2/slots would offer this start."""
    end = start + timedelta(minutes=length)
    if start < world.now + timedelta(minutes=event_type.notice):
        return False
    if event_type.window_days and start > world.now + timedelta(days=event_type.window_days):
        return False
    if event_type.kind is Kind.SEATS and event_type.exclusive:
        booked = world.bookings.at(event_type, start)
        if booked:
            return len(booked[0].attendees) < event_type.seats
    try:
        hosts_for(world, event_type, start, end)
    except Refusal:
        return False
    return True


def _round_robin(
    world: World, event_type: EventType, free: list[str], start: datetime, end: datetime
) -> tuple[str, ...]:
    if any(world.bookings.busy(host, start, end) for host in event_type.fixed_hosts):
        raise shapes.broken()  # seen: a busy fixed host is a 500 for good
    if not free and not event_type.fixed_hosts:
        raise Refusal(400, shapes.HOSTS_TAKEN)
    counts = dict.fromkeys(event_type.hosts, 0)
    for booking in world.bookings.of([event_type.id]):
        if booking.lives and booking.hosts[0] in counts:
            counts[booking.hosts[0]] += 1
    lucky = sorted(free, key=lambda host: counts[host])[:1]
    return (*event_type.fixed_hosts, *lucky)


def _open(event_type: EventType, start: datetime, end: datetime) -> bool:
    if not event_type.office_hours:
        return True
    opens = start.replace(hour=9, minute=0, second=0, microsecond=0)
    return start.weekday() < 5 and opens <= start and end <= opens + timedelta(hours=8)

"""Book: read the calendar, take the time it takes, then write (docs/calcom.md, Two at once).

Between reading and writing other calls run, as they do at Cal.com: that window is where its double bookings come from.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from simulator import shapes
from simulator.admission import Wish, admit
from simulator.bookings import Attendee, Booking, SlotKeyTakenError, new_uid
from simulator.calendar import hosts_for
from simulator.event_types import Kind
from simulator.messages import Answer, Call, Refusal, success
from simulator.validation import check_body

if TYPE_CHECKING:
    from simulator.world import World


async def create(world: World, call: Call) -> Answer:
    """Serve POST /v2/bookings under version 2024-08-13. Raises Refusal."""
    wish = admit(world, check_body(call.body), key=call.key)
    if wish.event_type.kind is Kind.SEATS:
        return await _take_seat(world, call, wish)
    if (known := _already_there(world, wish)) is not None:
        await world.work(call)
        return _created(world, call, known)
    wishes = _weeks(wish)
    hosts = [hosts_for(world, wish.event_type, one.start, one.end) for one in wishes]
    await world.work(call)
    series = str(uuid.uuid4()) if wish.event_type.kind is Kind.RECURRING else None
    made = [_write(world, call, one, theirs, series) for one, theirs in zip(wishes, hosts, strict=True)]
    return _created(world, call, *made)


def _already_there(world: World, wish: Wish) -> Booking | None:
    """Find the booking that the real server gives back instead of a new one (seen).

    Requires confirmation: the same attendee's pending one. Round robin: any live one of the same attendee.
    """
    if not wish.event_type.exclusive or wish.event_type.kind not in (Kind.CONFIRM, Kind.ROUND_ROBIN):
        return None
    for booking in world.bookings.at(wish.event_type, wish.start):
        pending = wish.event_type.kind is Kind.ROUND_ROBIN or booking.status == "pending"
        if pending and booking.attendees[0].email == wish.email:
            return booking
    return None


async def _take_seat(world: World, call: Call, wish: Wish) -> Answer:
    """Join the booking of this slot, or open it. The attendee is looked for before the work, the seats after it."""
    there = world.bookings.at(wish.event_type, wish.start)
    shared = there[0] if there else None
    if shared is None:
        hosts = hosts_for(world, wish.event_type, wish.start, wish.end)
        await world.work(call)
        made = _write(world, call, wish, hosts, None)
        return _created(world, call, made, seat_uid=made.attendees[0].seat_uid)
    if wish.event_type.exclusive:
        if any(attendee.email == wish.email for attendee in shared.attendees):
            raise Refusal(409, "already_signed_up_for_this_booking_error", shape="B")
        _check_seats(shared)
    await world.work(call)
    if wish.event_type.exclusive:
        _check_seats(shared)
    seat = _attendee(wish)
    shared.attendees.append(seat)
    world.bookings.publish(shared, now=world.seconds)
    _commit(world, call, shared, seat.seat_uid)
    return _created(world, call, shared, seat_uid=seat.seat_uid, joined=True)


def _check_seats(shared: Booking) -> None:
    if len(shared.attendees) >= shared.event_type.seats:
        raise Refusal(409, "No more seats left at this seated booking.")


def _weeks(wish: Wish) -> list[Wish]:
    """Spread a recurring wish over its weeks; any other is its only one."""
    count = wish.recurrences if wish.event_type.kind is Kind.RECURRING else 1
    weeks = [timedelta(weeks=n) for n in range(count)]
    return [replace(wish, start=wish.start + week, end=wish.end + week) for week in weeks]


def _write(world: World, call: Call, wish: Wish, hosts: tuple[str, ...], series: str | None) -> Booking:
    """Commit a new booking. Raises Refusal when the unique index knows a faster one."""
    seated = wish.event_type.kind is Kind.SEATS
    others = [_host_as_attendee(host) for host in hosts[1:]] if wish.event_type.kind is Kind.COLLECTIVE else []
    booking = Booking(
        id=len(world.bookings) + 1,
        uid=new_uid(),
        event_type=wish.event_type,
        hosts=hosts,
        status="pending" if wish.event_type.kind is Kind.CONFIRM else "accepted",
        start=wish.start,
        end=wish.end,
        attendees=[_attendee(wish), *(_guest(wish, guest) for guest in wish.guests if not seated), *others],
        metadata=wish.metadata,
        created=world.now,
        updated=world.now,
        guests=list(wish.guests),
        responses=_responses(wish),
        recurring_uid=series,
    )
    try:
        world.bookings.add(booking, now=world.seconds)
    except SlotKeyTakenError as error:
        raise shapes.race_lost() from error
    _commit(world, call, booking, booking.attendees[0].seat_uid)
    return booking


def _commit(world: World, call: Call, booking: Booking, seat_uid: str | None) -> None:
    if call.entry.uid is None:
        call.entry.uid, call.entry.seat_uid, call.entry.committed_at = booking.uid, seat_uid, world.seconds


def _created(world: World, call: Call, *bookings: Booking, seat_uid: str | None = None, joined: bool = False) -> Answer:
    """Answer 201, or 500 B as the real server does when it reads back from a replica that lags."""
    if call.entry.uid and world.settings.lag_breaks_posts and world.settings.replica_lag:
        raise shapes.broken()
    views: list[dict[str, Any]] = []
    for booking in bookings:
        view = dict(booking.versions[-1][1])
        if seat_uid:
            view["seatUid"] = seat_uid
        if not joined:
            view["isPlatformManagedUserBooking"] = False
        views.append(view)
    return success(201, views if bookings[0].event_type.kind is Kind.RECURRING else views[0])


def _attendee(wish: Wish) -> Attendee:
    seated = wish.event_type.kind is Kind.SEATS
    return Attendee(
        name=wish.name,
        email=wish.email,
        time_zone=wish.time_zone,
        language=wish.language,
        phone=wish.phone,
        metadata=wish.metadata if seated else None,
        seat_uid=str(uuid.uuid4()) if seated else None,
        responses={"name": wish.name, **wish.answers, "guests": list(wish.guests)} if seated else {},
    )


def _guest(wish: Wish, email: str) -> Attendee:
    return Attendee(name="", email=email, time_zone=wish.time_zone, language=wish.language)


def _host_as_attendee(host: str) -> Attendee:
    return Attendee(name=f"{host.capitalize()} Fake", email=f"{host}@example.test", time_zone="UTC", language="en")


def _responses(wish: Wish) -> dict[str, Any]:
    responses: dict[str, Any] = {"email": wish.email}
    if wish.phone:
        responses["attendeePhoneNumber"] = wish.phone
    responses |= {"name": wish.name, **wish.answers}
    if wish.guests:
        responses["guests"] = list(wish.guests)
    responses["displayEmail"] = wish.email
    if wish.guests:
        responses["displayGuests"] = list(wish.guests)
    return responses

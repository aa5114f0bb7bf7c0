"""Book: POST /v2/bookings in the real server's steps and order (docs/calcom.md, Two at once).

Between two steps other calls run, as they do at Cal.com: that window is where its double bookings come from.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from simulator.booking import seats, webhooks
from simulator.booking.admission import Wish, admit
from simulator.booking.calendar import hosts_for
from simulator.booking.dedupe import earlier_booking
from simulator.booking.limits import check_active, check_bounds_and_limits
from simulator.booking.validation import check_body, zone_of
from simulator.http import shapes
from simulator.http.messages import Answer, Call, success
from simulator.reads.show import shown_to
from simulator.state.bookings import Attendee, Booking, SlotKeyTakenError, new_uid
from simulator.state.steps import Step
from simulator.state.users import User

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from simulator.state.world import World

    Reach = Callable[[Step], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Made:
    """What a POST gives back. `seat_uid` is "" for an earlier booking, None where there are no seats."""

    booking: Booking
    seat_uid: str | None = None
    joined: bool = False
    is_new: bool = True


async def create(world: World, call: Call) -> Answer:
    """Serve POST /v2/bookings under version 2024-08-13. Raises Refusal, which leaves earlier weeks booked (seen)."""
    wish = admit(world, check_body(call.body), key=call.key)
    weeks = _weeks(wish)
    series = str(uuid.uuid4()) if wish.event_type.recurs else None
    made: list[Made] = []
    for number, week in enumerate(weeks, 1):
        upto = partial(world.reach, call, week=number, weeks=len(weeks))
        made.append(await _book(world, call, week, upto, series, made[0].booking if made else None))
        if made[-1].is_new:
            await webhooks.booked(world, made[-1].booking, made[-1].seat_uid)
    await world.reach(call, Step.ANSWER)
    return _created(world, call, made)


async def _book(
    world: World, call: Call, wish: Wish, upto: Reach, series: str | None, week_one: Booking | None
) -> Made:
    """Book one time. The order of what is asked decides which of two answers is given (seen).

    Raises Refusal, SplitError.
    """
    seated = wish.event_type.seated
    await upto(Step.DEDUPE)
    check_active(world, wish)
    if (earlier := earlier_booking(world, wish)) is not None:
        return Made(earlier, "" if seated else None, is_new=False)
    await upto(Step.AVAILABILITY)
    check_bounds_and_limits(world, wish)
    if seated and (shared := seats.open_booking(world, wish)) is not None:
        seats.check_room(wish, shared)
        _check_watchlist(world, wish)
        await upto(Step.INSERT)
        return Made(shared, _join(world, call, wish, shared), joined=True)
    hosts = _hosts(world, wish, week_one)
    _check_watchlist(world, wish)
    await upto(Step.INSERT)
    booking, seat_uid = _insert(world, call, wish, hosts, series), None
    if seated:
        await upto(Step.SEAT)
        seat_uid = _give_seat(world, call, wish, booking)
    world.check_transaction(call)
    return Made(booking, seat_uid)


def _hosts(world: World, wish: Wish, week_one: Booking | None) -> tuple[str, ...]:
    """Choose the hosts; of a series only week 1 is asked for, the others meet the unique index at most (seen).

    A series that must be confirmed is made again for the asking: 16, then 24 bookings for 8 weeks (seen).
    """
    if week_one is not None:
        return week_one.hosts
    if wish.event_type.recurs and world.needs_confirmation(wish.event_type, wish.start, wish.email):
        return (world.free_to_host(wish.event_type).organizer,)
    return hosts_for(world, wish.event_type, wish.start, wish.end)


def _check_watchlist(world: World, wish: Wish) -> None:
    """Break on a blocked address, in any letter case, once the time has turned out to be free (seen)."""
    if world.is_blocked(wish.email):
        raise shapes.broken()


def _weeks(wish: Wish) -> list[Wish]:
    """Spread a recurring wish over its weeks, each at the attendee's same hour; any other is its only one.

    So a series across a change of clocks moves by an hour in UTC (seen; read from input.service.ts).
    """
    count = wish.recurrences if wish.event_type.recurs else 1
    local = wish.start.astimezone(zone_of(wish.time_zone))
    later = [(local + timedelta(weeks=n)).astimezone(UTC) for n in range(1, count)]
    starts = [wish.start, *later]  # the first as asked: of an hour that comes twice a sum would be the earlier one
    return [replace(wish, start=start, end=start + (wish.end - wish.start)) for start in starts]


def _insert(world: World, call: Call, wish: Wish, hosts: tuple[str, ...], series: str | None) -> Booking:
    """Commit a new booking, without its seat. Raises Refusal when the unique index knows a faster one."""
    seated = wish.event_type.seated
    guests = [] if seated else [_guest(wish, guest) for guest in wish.guests]
    others = [_guest(wish, world.user(host).email, name=User(host).name) for host in hosts[1:]]
    booking = Booking(
        id=len(world.bookings) + 1,
        uid=new_uid(),
        event_type=wish.event_type,
        hosts=hosts,
        status="pending" if world.needs_confirmation(wish.event_type, wish.start, wish.email) else "accepted",
        start=wish.start,
        end=wish.end,
        attendees=[seats.attendee(wish, world.seconds), *guests, *others],
        metadata=wish.metadata,
        created=call.received,
        updated=world.now,
        guests=list(wish.guests),
        responses=_responses(wish),
        recurring_uid=series,
    )
    try:
        world.bookings.add(booking, now=world.seconds)
    except SlotKeyTakenError as error:
        raise shapes.race_lost() from error
    _commit(world, call, booking)
    return booking


def _give_seat(world: World, call: Call, wish: Wish, booking: Booking) -> str:
    """Commit the seat of a new booking, which was half made until now."""
    first = booking.attendees[0]
    first.seat_uid, first.metadata = str(uuid.uuid4()), wish.metadata
    world.bookings.publish(booking, now=world.seconds)
    call.entry.seat_uid = first.seat_uid
    return first.seat_uid


def _join(world: World, call: Call, wish: Wish, shared: Booking) -> str:
    """Commit a further seat; its room is counted again as it is written, its attendee is not looked for (seen)."""
    seats.check_room(wish, shared, attendee=False)
    seat = seats.attendee(wish, world.seconds)
    seat.seat_uid, seat.metadata = str(uuid.uuid4()), wish.metadata
    shared.attendees.append(seat)
    world.bookings.publish(shared, now=world.seconds)
    _commit(world, call, shared)
    call.entry.seat_uid = seat.seat_uid
    return seat.seat_uid


def _commit(world: World, call: Call, booking: Booking) -> None:
    if call.entry.uid is None:
        call.entry.uid, call.entry.committed_at = booking.uid, world.seconds


def _created(world: World, call: Call, made: list[Made]) -> Answer:
    """Answer 201 with the bookings as they are read again: perhaps from a replica, which may not have them yet."""
    moment = world.replica_time() if world.settings.lag_breaks_posts else world.seconds
    views: list[dict[str, Any]] = []
    for booked in made:
        view = booked.booking.seen_at(moment)
        if view is None:
            raise shapes.broken()  # booked, and not found (seen: 10 of 10, until the replica has caught up)
        view = dict(shown_to(world, call.key, booked.booking, view))
        if booked.seat_uid is not None:
            view["seatUid"] = booked.seat_uid
        if not booked.joined:
            view["isPlatformManagedUserBooking"] = False
        views.append(view)
    event_type = made[0].booking.event_type
    if event_type.recurs and event_type.round_robin and len(views) > 1:
        return success(201, views[1:])  # week 1 is booked, and left out (seen: 7 of 8, 5 of 5)
    return success(201, views if event_type.recurs else views[0])


def _guest(wish: Wish, email: str, name: str = "") -> Attendee:
    zone, language = ("UTC", "en") if name else (wish.time_zone, wish.language)
    return Attendee(name=name, email=email, time_zone=zone, language=language)


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

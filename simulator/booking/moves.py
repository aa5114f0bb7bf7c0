"""Move: POST /v2/bookings/{uid}/reschedule of a booking or a seat, in the real server's steps.

It asks less than a POST of a booking: not whether the booking is over, whether its type allows it, whether it has the
start already, how many seats are left (all seen). Between what is asked and what is written other calls run.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from simulator.booking import persons, seats, webhooks
from simulator.booking.admission import Wish
from simulator.booking.calendar import hosts_for
from simulator.booking.dedupe import earlier_booking
from simulator.booking.limits import check_bounds_and_limits
from simulator.booking.reread import as_read, body_of
from simulator.http import shapes
from simulator.http.messages import Answer, Call, Refusal, success
from simulator.instants import parse
from simulator.reads.show import shown_to
from simulator.state.sight import organizes
from simulator.state.steps import Step

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.state.bookings import Attendee, Booking
    from simulator.state.world import World

OF_A_BOOKING = ("start", "reschedulingReason", "rescheduledBy", "seatUid")
OF_A_SEAT = ("start", "seatUid")
GONE = "Could not find original booking"
NO_SUCH_RECORD = "Invalid Query: The requested record was not found."


async def reschedule(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../reschedule. Raises Refusal, KilledError, SplitError."""
    seat = call.body.get("seatUid") if isinstance(call.body, dict) else None
    body = body_of(call, OF_A_BOOKING if seat is None else OF_A_SEAT)
    start = parse(body.get("start"))
    if start is None:
        raise Refusal(400, "start property is wrong,start must be a valid ISO 8601 date string ")
    booking = world.bookings.get(uid)
    view = as_read(world, booking) if booking else None
    if booking is None or view is None:
        raise Refusal(404, f"Booking with uid={uid} was not found in the database")
    if seat is not None:
        return await _move_seat(world, call, booking, str(seat), start)
    leads = organizes(world, call.key, view)
    if booking.event_type.seated and not leads:
        raise Refusal(400, _wants_seat(uid))
    _check_alive(booking, view)
    return await _move(world, call, booking, start, str(body.get("reschedulingReason") or ""), leads=leads)


async def _move(world: World, call: Call, booking: Booking, start: datetime, reason: str, *, leads: bool) -> Answer:
    """Move a whole booking; where it is written, only the primary's word counts, and only of a cancelled one."""
    wish = _wish(booking, booking.attendees[0], start)
    if not leads and start < world.now + timedelta(minutes=booking.event_type.reschedule_notice):
        raise Refusal(403, "Rescheduling is not allowed within the minimum notice period before the event", shape="B")
    await world.reach(call, Step.DEDUPE)
    pending = not leads and world.needs_confirmation(booking.event_type, start, wish.email)
    dedupes = booking.event_type.round_robin or pending
    if dedupes and (earlier := earlier_booking(world, wish)) is not None and earlier is not booking:
        await world.reach(call, Step.ANSWER)
        return _answer(world, call, earlier, "" if booking.event_type.seated else None)  # and nothing is moved (seen)
    await world.reach(call, Step.AVAILABILITY)
    check_bounds_and_limits(world, wish, but=booking)
    hosts = hosts_for(world, booking.event_type, wish.start, wish.end, but=booking)
    await world.reach(call, Step.INSERT)
    if booking.status == "cancelled" and booking.rescheduled_to is None:
        raise Refusal(400, "cancelled_bookings_cannot_be_rescheduled", shape="B")
    moved = persons.move(world, booking, start, hosts, reason, pending=pending, splits=world.splits(call))
    call.entry.uid, call.entry.committed_at = moved.uid, world.seconds
    world.check_transaction(call)
    await webhooks.moved(world, booking, moved)
    await world.reach(call, Step.ANSWER)
    return _answer(world, call, moved, "" if booking.event_type.seated else None)


async def _move_seat(world: World, call: Call, booking: Booking, seat_uid: str, start: datetime) -> Answer:
    """Move a seat: into the booking of that time, with its uid, or in two steps to an empty time (seen)."""
    view = as_read(world, booking) or {}
    home = world.bookings.of_seat(seat_uid)
    if not any(attendee.get("seatUid") == seat_uid for attendee in view.get("attendees", ())):
        if home is not None and any(attendee.seat_uid == seat_uid for attendee in home.attendees):
            raise Refusal(400, _wants_seat(booking.uid))
        raise Refusal(404, f"Seat with uid={seat_uid} does not exist.")
    seat = _seat(booking, seat_uid)
    if seat is None:  # the replica shows it, the primary has it no more
        raise Refusal(404, GONE, shape="B")
    if booking.status == "pending":
        raise Refusal(404, "booking_not_found_error", shape="B")
    wish = _wish(booking, seat, start)
    if booking.event_type.round_robin:
        earlier = earlier_booking(world, wish)
        if earlier is not None and earlier is not booking:  # and nothing is moved (seen: 12 of 12)
            await world.reach(call, Step.ANSWER)
            return _answer(world, call, earlier, "")
    await world.reach(call, Step.AVAILABILITY)
    check_bounds_and_limits(world, wish, but=booking)
    shared = seats.open_booking(world, wish)  # a seat of the same address there does not matter (seen: 2 of 2)
    alone = len(booking.attendees) == 1
    hosts = () if shared else hosts_for(world, booking.event_type, wish.start, wish.end, but=booking if alone else None)
    await world.reach(call, Step.INSERT)
    if not persons.leave(world, booking, seat_uid):
        raise Refusal(404, NO_SUCH_RECORD, code="NOT_FOUND", details=None)
    if not booking.attendees:  # of two that are moved at once each sees the other: this one counts when it writes
        world.bookings.end(booking, "cancelled", now=world.seconds)
    made = replace(seat, made=world.seconds, ended=None, moved_from=booking.uid)
    if shared is None:
        await world.reach(call, Step.SEAT)
        world.check_transaction(call)
        if world.rng.random() < world.settings.seat_move_loses:
            raise Refusal(500, "no insert", shape="B")  # the seat is nowhere (seen)
        made.seat_uid = str(uuid.uuid4())
        shared = persons.book_seat(world, booking, made, wish, hosts)
    else:
        shared.attendees.append(made)
        world.bookings.publish(shared, now=world.seconds)
    call.entry.uid, call.entry.seat_uid, call.entry.committed_at = shared.uid, made.seat_uid, world.seconds
    await webhooks.moved(world, booking, shared, made.seat_uid)
    await world.reach(call, Step.ANSWER)
    return _answer(world, call, shared, made.seat_uid)


def _check_alive(booking: Booking, view: dict[str, Any]) -> None:
    """Refuse what was cancelled, moved or declined, as a replica shows it. Raises Refusal."""
    uid, to = booking.uid, view.get("rescheduledToUid") or ("undefined" if booking.asks_for_time else None)
    if view["status"] == "cancelled" and to is not None:
        raise Refusal(
            400,
            f"Can't reschedule booking with uid={uid} because it has been cancelled and rescheduled already to booking "
            f"with uid={to}. You probably want to reschedule {to} instead by passing it within the request URL.",
        )
    if view["status"] == "cancelled":
        raise Refusal(400, f"Can't reschedule booking with uid={uid} because it has been cancelled.")
    if view["status"] == "rejected":
        raise Refusal(404, GONE, shape="B")


def _answer(world: World, call: Call, booking: Booking, seat_uid: str | None) -> Answer:
    """Answer 201 with the booking as it is read again: a replica may not have it yet (seen: 60 of 60)."""
    view = as_read(world, booking)
    if view is None:
        raise shapes.broken()
    view = {**shown_to(world, call.key, booking, view), "isPlatformManagedUserBooking": False}
    return success(201, view if seat_uid is None else {**view, "seatUid": seat_uid})


def _wish(booking: Booking, attendee: Attendee, start: datetime) -> Wish:
    """Ask for the same as the booking has, at another start."""
    return Wish(
        event_type=booking.event_type,
        start=start,
        end=start + (booking.end - booking.start),
        name=attendee.name,
        email=attendee.email,
        time_zone=attendee.time_zone,
        language=attendee.language,
        phone=None,
        guests=(),
        metadata=booking.metadata,
        answers={},
        recurrences=1,
    )


def _seat(booking: Booking, seat_uid: str) -> Attendee | None:
    return next((attendee for attendee in booking.attendees if attendee.seat_uid == seat_uid), None)


def _wants_seat(uid: str) -> str:
    return (
        f"Booking with uid={uid} is a seated booking which means you have to provide seatUid in the request body to "
        "specify which seat specifically you want to reschedule."
    )

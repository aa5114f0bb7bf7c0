"""Do what people do to bookings at Cal.com: accept, decline, cancel, move, revive, ask for another time, reassign ...

Hosts and attendees do it by Cal.com's own pages and mails, tests by `POST /_persons`, anybody by the public endpoints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.booking.calendar import hosts_for
from simulator.http import shapes
from simulator.http.messages import Refusal
from simulator.instants import parse
from simulator.state.bookings import Attendee, Booking, SlotKeyTakenError, new_uid

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.booking.admission import Wish
    from simulator.state.world import World

DEEDS = ("accept", "decline", "cancel", "move", "revive", "ask_for_time", "reassign", "correct", "take_off")


class DeedError(ValueError):
    """A deed cannot be done; the message says why."""


def order(world: World, wanted: dict[str, Any]) -> list[Booking]:
    """Do what {"do", "uid", ...} says, to one booking or to each week of a series. Raises DeedError, Refusal.

    `seat` cancels that seat alone, `start` is where to move to, `host` who takes over, `email` and `new_email` correct;
    who attends under `email` is taken off.
    """
    known = {"do", "uid", "seat", "start", "host", "email", "new_email", "reason"}
    if not isinstance(wanted, dict) or wanted.get("do") not in DEEDS or set(wanted) - known:
        raise DeedError(f"a deed has do ({', '.join(DEEDS)}), uid, and of {', '.join(sorted(known))} what it needs")
    uid = str(wanted.get("uid"))
    booking = world.bookings.get(uid)
    found = [booking] if booking else list(world.bookings.of_series(uid))
    if not found:
        raise DeedError(f"no booking has the uid {uid}")
    return [_do(world, booking, wanted) for booking in found]


def _do(world: World, booking: Booking, wanted: dict[str, Any]) -> Booking:
    match wanted["do"]:
        case "accept":
            accept(world, booking)
        case "decline":
            decline(world, booking)
        case "cancel":
            cancel(world, booking, wanted.get("seat"), str(wanted.get("reason", "")))
        case "revive":
            revive(world, booking)
        case "ask_for_time":
            ask_for_time(world, booking)
        case "reassign":
            reassign(world, booking, str(wanted.get("host")))
        case "correct":
            correct(world, booking, str(wanted.get("email")), str(wanted.get("new_email")))
        case "take_off":
            take_off(world, booking, str(wanted.get("email")))
        case "move":
            start = parse(wanted.get("start"))
            if start is None:
                raise DeedError("to move a booking takes a start")
            hosts = hosts_for(world, booking.event_type, start, start + (booking.end - booking.start))
            return move(world, booking, start, hosts, str(wanted.get("reason", "")))
    return booking


def accept(world: World, booking: Booking) -> None:
    """Let the host confirm a pending booking."""
    if booking.status == "pending":
        booking.updated = world.now
        world.bookings.accept(booking, now=world.seconds)


def revive(world: World, booking: Booking) -> None:
    """Let the host confirm a cancelled booking: it is accepted again, and no calendar is looked at (seen)."""
    if booking.status == "cancelled":
        booking.updated = world.now
        world.bookings.accept(booking, now=world.seconds)


def ask_for_time(world: World, booking: Booking) -> None:
    """Let the host ask for another time: it is cancelled and counts as moved, without a successor (seen)."""
    if booking.lives:
        booking.updated, booking.asks_for_time = world.now, True
        world.bookings.end(booking, "cancelled", now=world.seconds)


def weeks_of(world: World, booking: Booking) -> list[Booking]:
    """Give all weeks of a booking's series; without a series, itself."""
    return list(world.bookings.of_series(booking.recurring_uid)) if booking.recurring_uid else [booking]


def decline(world: World, booking: Booking) -> None:
    """Let the host decline a pending booking, or a cancelled one (seen)."""
    if booking.status in ("pending", "cancelled"):
        booking.updated = world.now
        world.bookings.end(booking, "rejected", now=world.seconds)


def cancel(world: World, booking: Booking, seat: str | None, reason: str) -> None:
    """Cancel one seat; with the last one, or without any, the whole booking."""
    if not booking.lives:
        return
    booking.updated = world.now
    if seat is None or len(booking.attendees) == 1 or not leave(world, booking, seat):
        booking.cancellation_reason = reason
        world.bookings.end(booking, "cancelled", now=world.seconds)


def leave(world: World, booking: Booking, seat: str) -> bool:
    """Take one seat away, and say whether it was there; the booking stays, also if nobody is left in it."""
    leaving = next((attendee for attendee in booking.attendees if attendee.seat_uid == seat), None)
    if leaving is not None:
        booking.updated = world.now
        booking.leave(leaving, now=world.seconds)
        world.bookings.publish(booking, now=world.seconds)
    return leaving is not None


def book_seat(world: World, old: Booking, seat: Attendee, wish: Wish, hosts: tuple[str, ...]) -> Booking:
    """Book an empty time for a seat that was taken out of another booking. Raises Refusal when another was faster."""
    made = _another(world, old, wish.start, hosts, "accepted")
    made.attendees = [seat]
    _add(world, made)
    return made


def move(
    world: World,
    booking: Booking,
    start: datetime,
    hosts: tuple[str, ...],
    reason: str,
    *,
    pending: bool | None = None,
    splits: bool = False,
) -> Booking:
    """Book another time with the same metadata, and cancel the old one. Raises Refusal when another was faster.

    `pending`: whether the host must confirm it (None: as its event type says). `splits`: that the old one is cancelled
    is rolled back, and the INSERT of the new one is carried out alone (seen: 12 of 24).
    """
    if pending is None:
        pending = world.needs_confirmation(booking.event_type, start, booking.attendees[0].email)
    moved = _another(world, booking, start, hosts, "pending" if pending else "accepted")
    moved.responses, moved.rescheduling_reason = {**booking.responses, "rescheduledReason": reason}, reason
    moved.rescheduled_from = booking.uid
    if splits:
        _add(world, moved)
        return moved
    world.bookings.vacate(booking)  # one transaction: a booking may keep its own start
    try:
        _add(world, moved)
    except Refusal:
        world.bookings.occupy(booking)
        raise
    booking.rescheduled_to, booking.updated = moved.uid, world.now
    world.bookings.end(booking, "cancelled", now=world.seconds)
    return moved


def _add(world: World, booking: Booking) -> None:
    try:
        world.bookings.add(booking, now=world.seconds)
    except SlotKeyTakenError as error:
        raise shapes.race_lost() from error


def _another(world: World, booking: Booking, start: datetime, hosts: tuple[str, ...], status: str) -> Booking:
    """Make a booking like another one, at another start."""
    return replace(
        booking,
        id=len(world.bookings) + 1,
        uid=new_uid(),
        hosts=hosts,
        status=status,
        start=start,
        end=start + (booking.end - booking.start),
        attendees=[replace(attendee, made=world.seconds) for attendee in booking.attendees],
        created=world.now,
        updated=world.now,
        rescheduled_from=None,
        rescheduled_to=None,
        rescheduling_reason=None,
        cancellation_reason="",
        former=[],
        versions=[],
        history=[],
    )


def reassign(world: World, booking: Booking, host: str) -> None:
    """Give a booking to another host of its type. Raises DeedError."""
    if host not in booking.event_type.everybody:
        raise DeedError(f"{host} is no host of event type {booking.event_type.id}")
    booking.updated = world.now
    world.bookings.reassign(booking, host, now=world.seconds)


def correct(world: World, booking: Booking, email: str, new_email: str) -> None:
    """Correct an attendee's address."""
    for attendee in booking.attendees:
        if attendee.email == email:
            attendee.email = new_email
    booking.updated = world.now
    world.bookings.publish(booking, now=world.seconds)


def take_off(world: World, booking: Booking, email: str) -> None:
    """Take an attendee off one booking, a co-host as well; his calendar stays busy. Raises DeedError."""
    if email not in [attendee.email for attendee in booking.attendees[1:]]:
        raise DeedError(f"beside the one who booked, nobody attends under {email}")
    booking.attendees = [attendee for attendee in booking.attendees if attendee.email != email]
    booking.updated = world.now
    world.bookings.publish(booking, now=world.seconds)

"""Do what people do to bookings at Cal.com: accept, decline, cancel, move, reassign, correct an address, take off.

Hosts and attendees do it by Cal.com's own pages and mails, tests by `POST /_persons`, anybody by the public endpoints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from simulator.booking.calendar import hosts_for
from simulator.http import shapes
from simulator.instants import parse
from simulator.state.bookings import Booking, SlotKeyTakenError, new_uid

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.state.world import World

DEEDS = ("accept", "decline", "cancel", "move", "reassign", "correct", "take_off")


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


def decline(world: World, booking: Booking) -> None:
    """Let the host decline a pending booking."""
    if booking.status == "pending":
        booking.updated = world.now
        world.bookings.end(booking, "rejected", now=world.seconds)


def cancel(world: World, booking: Booking, seat: str | None, reason: str) -> None:
    """Cancel one seat; with the last one, or without any, the whole booking."""
    if not booking.lives:
        return
    booking.updated = world.now
    leaving = [attendee for attendee in booking.attendees if seat is not None and attendee.seat_uid == seat]
    if leaving and len(booking.attendees) > 1:
        booking.leave(leaving[0], now=world.seconds)
        world.bookings.publish(booking, now=world.seconds)
    else:
        booking.cancellation_reason = reason
        world.bookings.end(booking, "cancelled", now=world.seconds)


def move(world: World, booking: Booking, start: datetime, hosts: tuple[str, ...], reason: str) -> Booking:
    """Book another time with the same metadata, and cancel the old one. Raises Refusal when another was faster."""
    pending = world.needs_confirmation(booking.event_type, start, booking.attendees[0].email)
    moved = replace(
        booking,
        id=len(world.bookings) + 1,
        uid=new_uid(),
        hosts=hosts,
        status="pending" if pending else "accepted",
        start=start,
        end=start + (booking.end - booking.start),
        attendees=[replace(attendee, made=world.seconds) for attendee in booking.attendees],
        created=world.now,
        updated=world.now,
        responses={**booking.responses, "rescheduledReason": reason},
        rescheduled_from=booking.uid,
        rescheduling_reason=reason,
        former=[],
        versions=[],
        history=[],
    )
    try:
        world.bookings.add(moved, now=world.seconds)
    except SlotKeyTakenError as error:
        raise shapes.race_lost() from error
    booking.rescheduled_to, booking.updated = moved.uid, world.now
    world.bookings.end(booking, "cancelled", now=world.seconds)
    return moved


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

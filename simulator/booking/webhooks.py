"""Send what happens to a booking to its organizer's webhooks: in Cal.com's order and form, and signed (all seen).

Cal.com waits for each receiver, however long it takes; whatever it answers, nothing is sent twice. A cancel is sent
before it is written, all else after it is written and before the call is answered. Our reference is not in CANCELLED
and REJECTED. Only receivers on this machine are reached.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from simulator.http.messages import dump
from simulator.instants import stamp
from simulator.state.sight import user_of
from simulator.state.users import ALL, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.state.bookings import Attendee, Booking
    from simulator.state.world import World

LOOPBACK = ("127.0.0.1", "localhost")
VERSION = "2021-10-20"


async def booked(world: World, booking: Booking, seat_uid: str | None = None) -> None:
    """Send that a booking, or a seat in it, was made."""
    seat = _seat(booking, seat_uid)
    await _send(world, _made(booking), booking, **_reference(booking, seat))


async def confirmed(world: World, booking: Booking) -> None:
    """Send that its host has confirmed it: the metadata is empty (seen)."""
    await _send(world, "BOOKING_CREATED", booking, metadata={})


async def moved(world: World, old: Booking, booking: Booking, seat_uid: str | None = None) -> None:
    """Send that a booking, or a seat, was moved; to a pending one REQUESTED alone, without the old uid (seen)."""
    seat, start = _seat(booking, seat_uid), stamp(old.start)
    if booking.status == "pending":
        await _send(world, "BOOKING_REQUESTED", booking, **_reference(booking, seat))
        return
    old_one = {"rescheduleUid": old.uid, "rescheduleStartTime": start}
    await _send(world, "BOOKING_RESCHEDULED", booking, **_reference(booking, seat), **old_one)


async def cancelled(world: World, booking: Booking, reason: str = "", *, asks_for_time: bool = False) -> None:
    """Send that a booking is cancelled, or a seat in it, which is not named (seen)."""
    more = {"cancellationReason": reason, "requestReschedule": asks_for_time}
    await _send(world, "BOOKING_CANCELLED", booking, status="CANCELLED", **more)


async def declined(world: World, booking: Booking) -> None:
    """Send that its host has declined it."""
    await _send(world, "BOOKING_REJECTED", booking, rejectionReason="")


async def _send(world: World, trigger: str, booking: Booking, **more: Any) -> None:
    for webhook in list(_subscribed(world, trigger, booking)):
        body = dump({"triggerEvent": trigger, "createdAt": stamp(world.now), "payload": _payload(world, booking, more)})
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await _post(webhook["subscriberUrl"], body, webhook["secret"])


def _subscribed(world: World, trigger: str, booking: Booking) -> Iterator[dict[str, Any]]:
    """Yield the webhooks of the user who organizes a booking, and of the one who is shown as everybody."""
    if not world.webhooks:
        return
    owners = {user_of(world, key).id for key, view in world.settings.keys.items() if view == ALL}
    owners.add(User(booking.hosts[0]).id)
    for webhook in world.webhooks.values():
        if webhook["active"] and trigger in webhook["triggers"] and webhook["userId"] in owners:
            yield webhook


def _payload(world: World, booking: Booking, more: dict[str, Any]) -> dict[str, Any]:
    host = world.user(booking.hosts[0])
    seats = {"seatsPerTimeSlot": booking.event_type.seats} if booking.event_type.seated else {}
    attendees = booking.attendees or booking.former
    return {
        "title": f"{booking.event_type.slug} between {host.name} and {attendees[0].name if attendees else 'nobody'}",
        "type": booking.event_type.slug,
        "startTime": stamp(booking.start),
        "endTime": stamp(booking.end),
        "organizer": {"id": host.id, "name": host.name, "email": host.email, "username": host.username},
        "attendees": [{"email": one.email, "name": one.name, "timeZone": one.time_zone} for one in attendees],
        "eventTypeId": booking.event_type.id,
        "uid": booking.uid,
        "bookingId": booking.id,
        "status": booking.status.upper(),
        **seats,
        **more,
    }


def _made(booking: Booking) -> str:
    return "BOOKING_REQUESTED" if booking.status == "pending" else "BOOKING_CREATED"


def _reference(booking: Booking, seat: Attendee | None) -> dict[str, Any]:
    """Give the metadata of what was made; a seat has its own, and is named."""
    return (
        {"metadata": booking.metadata} if seat is None else {"metadata": seat.metadata, "attendeeSeatId": seat.seat_uid}
    )


def _seat(booking: Booking, seat_uid: str | None) -> Attendee | None:
    return next((one for one in booking.attendees if seat_uid and one.seat_uid == seat_uid), None)


async def _post(address: str, body: bytes, secret: str | None) -> None:
    """Post a body, and wait until its receiver has answered, or has gone."""
    to = urlsplit(address)
    if to.scheme != "http" or to.hostname not in LOOPBACK:
        return
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else "no-secret-provided"
    headers = {
        "Host": to.netloc,
        "Connection": "close",
        "Content-Type": "application/json",
        "X-Cal-Signature-256": signature,
        "X-Cal-Webhook-Version": VERSION,
        "Content-Length": str(len(body)),
    }
    lines = [f"POST {to.path or '/'} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    reader, writer = await asyncio.open_connection(to.hostname, to.port or 80)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()

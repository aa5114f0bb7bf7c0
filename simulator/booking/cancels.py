"""Cancel: POST /v2/bookings/{uid}/cancel of a booking, a seat, a week or a series, in the real server's steps.

What is asked and what is written later are two steps: between them other calls run, as they do at Cal.com, and nothing
is asked again. So a cancel that overtakes a reschedule ends the old booking alone, and two seats that are cancelled at
once leave an empty booking (seen).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.booking import persons, webhooks
from simulator.booking.reread import as_read, body_of, shown
from simulator.http.messages import Answer, Call, Refusal, success
from simulator.state.sight import organizes
from simulator.state.steps import Step

if TYPE_CHECKING:
    from simulator.state.bookings import Booking
    from simulator.state.world import World

KNOWN = ("cancellationReason", "seatUid", "cancelSubsequentBookings")
NO_SUCH_RECORD = "Invalid Query: The requested record was not found."


async def cancel(world: World, call: Call, uid: str) -> Answer:
    """Serve POST .../cancel. Raises Refusal, perhaps though it is done; KilledError, SplitError."""
    current = call.request.headers.get("cal-api-version") == "2024-08-13"
    body = body_of(call, KNOWN) if current else dict(call.body if isinstance(call.body, dict) else {})
    seat, reason = body.get("seatUid"), str(body.get("cancellationReason") or "").strip()
    weeks = sorted(world.bookings.of_series(uid), key=lambda week: week.start)
    if weeks and body.get("cancelSubsequentBookings"):
        raise Refusal(
            400,
            "Cannot cancel subsequent bookings for recurring event - you have to provide uid of one of the individual "
            "bookings of a recurring booking.",
        )
    first = _first_row(world, weeks) if weeks else world.bookings.get(uid)
    booking = _checked(world, call, uid, first, seat, reason)
    alone = len(booking.attendees) == 1
    seated_here = seat is None or any(attendee.seat_uid == seat for attendee in booking.attendees)
    await world.reach(call, Step.INSERT)
    is_one_seat = not weeks and seat is not None and not alone
    if not is_one_seat:  # before it is written: a lookup meanwhile shows a booking that lives (seen)
        await webhooks.cancelled(world, booking, reason)
    if weeks:
        _end(world, weeks, reason)
    elif is_one_seat:
        _end_seat(world, booking, str(seat), was_there=seated_here)
    elif body.get("cancelSubsequentBookings") and booking.recurring_uid:
        weeks = sorted(world.bookings.of_series(booking.recurring_uid), key=lambda week: week.start)
        _end(world, [week for week in weeks if week.start >= booking.start], reason)
    else:
        if seat is not None:  # the last one: its attendee is deleted first (seen: broken off, empty and alive)
            persons.leave(world, booking, str(seat))
            await world.reach(call, Step.SEAT)
            world.check_transaction(call)
        _end(world, [booking], reason)
    await world.reach(call, Step.ANSWER)
    if body.get("cancelSubsequentBookings") and not booking.recurring_uid:
        raise Refusal(400, f"Booking with bookingUid={uid} is not part of a recurring booking.")  # and it is done
    if seat is not None and world.rng.random() < world.settings.seat_cancel_says_404:
        raise Refusal(404, NO_SUCH_RECORD, code="NOT_FOUND", details=None)  # and none is sent (seen)
    if is_one_seat:
        await webhooks.cancelled(world, booking, reason)
    if not current:
        return success(201, {})
    return success(200, [_view(world, week) for week in weeks] if weeks else _view(world, booking))


def _first_row(world: World, weeks: list[Booking]) -> Booking:
    """Find the row of a series that Cal.com asks: the first, unless its row was moved behind a living one's."""
    first = min(weeks, key=lambda week: week.id)
    living = [week for week in weeks if week.lives]
    if first.lives or not living or world.rng.random() >= world.settings.series_finds_living:
        return first
    return living[0]


def _checked(world: World, call: Call, uid: str, booking: Booking | None, seat: object, reason: str) -> Booking:
    """Ask everything that may refuse a cancel, in the real server's order. Raises Refusal."""
    if seat is not None:
        _check_seat(world, uid, seat)
    view = as_read(world, booking) if booking else None
    if booking is None or view is None:
        raise Refusal(404, f"Booking with uid={uid} not found")
    if view["status"] == "cancelled":
        raise Refusal(
            400,
            f"Can't cancel booking with uid={uid} because it has been cancelled already. Please provide uid of a "
            "booking that is not cancelled.",
        )
    if booking.status == "cancelled" and seat is None:  # the primary knows more than the replica that was asked first
        raise Refusal(400, "This booking has already been cancelled.", shape="B")
    if booking.end < world.now:
        raise Refusal(400, "Cannot cancel a booking that has already ended", shape="B")
    if booking.event_type.no_cancelling:
        raise Refusal(400, "This event type does not allow cancellations", shape="B")
    leads = organizes(world, call.key, booking.versions[-1][1])
    if booking.event_type.seated and seat is None and not leads:
        raise Refusal(401, "User not a host of this event", shape="B")
    if booking.event_type.cancellation_reason and not reason and leads:
        raise Refusal(400, "Cancellation reason is required", shape="B")
    return booking


def _check_seat(world: World, uid: str, seat: object) -> None:
    """Refuse a seat that is in no booking, or in another one, as a replica shows it (seen)."""
    home = world.bookings.of_seat(seat) if isinstance(seat, str) else None
    view = as_read(world, home) if home else None
    if home is None or view is None or all(attendee.get("seatUid") != seat for attendee in view["attendees"]):
        raise Refusal(400, "Invalid seatUid: this seat does not exist or has already been cancelled.")
    if home.uid != uid:
        raise Refusal(400, "Invalid seatUid: this seat does not belong to this booking.")


def _end(world: World, bookings: list[Booking], reason: str) -> None:
    """Cancel what is not cancelled; one that was moved meanwhile is cancelled already, and nobody asks where to."""
    for booking in bookings:
        if booking.status != "cancelled":
            booking.updated, booking.cancellation_reason = world.now, reason
            world.bookings.end(booking, "cancelled", now=world.seconds)


def _end_seat(world: World, booking: Booking, seat: str, *, was_there: bool) -> None:
    """Take one seat away; how many others there are was counted before (seen: empty and alive, 6 of 6)."""
    if not persons.leave(world, booking, seat) and was_there:
        raise Refusal(404, NO_SUCH_RECORD, code="NOT_FOUND", details=None)


def _view(world: World, booking: Booking) -> dict[str, Any]:
    """Show a booking as the answer of a cancel does, perhaps a replica's: never with where it was moved to (seen)."""
    view = shown(world, booking)
    return {name: value for name, value in view.items() if name != "rescheduledToUid"}

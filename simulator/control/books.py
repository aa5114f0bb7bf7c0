"""Tell a judge all that was ever booked, by reference: a line a booking, a seat and a week, with its times.

Calls in the journal and lines in the books have the same clocks, so that both can be laid beside a worker's record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.instants import stamp
from simulator.state.journal import reference_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.state.bookings import Attendee, Booking
    from simulator.state.world import World


def books(world: World, reference: str | None = None) -> list[dict[str, Any]]:
    """List what was booked, in order; with a reference only what carries it.

    `status` is the present one; `history` has each status with the seconds of CLOCK_MONOTONIC since which it holds, and
    `made` and `ended` say the same as instants (`ended` None: it lives). A seat's `halfMade` was never finished.
    """
    lines = [line for booking in world.bookings for line in _lines(world, booking)]
    return [line for line in lines if reference in (None, line["reference"])]


def _lines(world: World, booking: Booking) -> Iterator[dict[str, Any]]:
    if not booking.event_type.seated:
        yield _line(world, booking, None)
        return
    for attendee in (*booking.former, *booking.attendees):
        yield _line(world, booking, attendee)


def _line(world: World, booking: Booking, seat: Attendee | None) -> dict[str, Any]:
    who = seat or booking.attendees[0]
    half_made = seat is not None and seat.seat_uid is None
    history = list(booking.history) if seat is None else _of_seat(booking, seat)
    ended = next((since for since, status in history if status not in ("accepted", "pending")), None)
    return {
        "reference": reference_of(booking.metadata if seat is None or half_made else seat.metadata),
        "uid": booking.uid,
        "seatUid": seat.seat_uid if seat else None,
        "recurringBookingUid": booking.recurring_uid,
        "eventTypeId": booking.event_type.id,
        "kind": booking.event_type.kind,
        "start": stamp(booking.start),
        "email": who.email,
        "organizer": booking.hosts[0],
        "status": history[-1][1],
        "halfMade": half_made,
        "movedFrom": (seat and seat.moved_from) or booking.rescheduled_from,
        "movedTo": booking.rescheduled_to,
        "history": history,
        "made": _instant(world, history[0][0]),
        "ended": None if ended is None else _instant(world, ended),
    }


def _of_seat(booking: Booking, seat: Attendee) -> list[tuple[float, str]]:
    """Give a seat's part of its booking's history: from when it was taken until it was given back."""
    began, ended = max(seat.made, booking.history[0][0]), seat.ended
    first = [status for since, status in booking.history if since <= began][-1]
    within = [(since, status) for since, status in booking.history if began < since < (ended or since + 1)]
    over = [] if ended is None else [(ended, "cancelled" if booking.lives else booking.status)]
    return [(began, first), *within, *over]


def _instant(world: World, since: float) -> str:
    return stamp(world.wall_time(since))

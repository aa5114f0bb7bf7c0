"""Ask Cal.com whether a confirmed booking still stands, before a caller who asks again is told so."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from db import appointments
from db.appointments import audit
from db.appointments.appointment import Appointment
from db.lifecycle import Status
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.reply import Reply, ReplyKind
from tasks.dependencies import Dependencies
from tasks.guarded_calls import GuardedCalls, NotNow
from tasks.log import Logger
from tasks.moves import CallMade

PATIENCE = 2.0  # seconds: somebody may be on the phone

log = Logger(__name__)


class Standing(StrEnum):
    """Say how a booking that is confirmed here stands at Cal.com."""

    LIVES = "lives"
    GONE = "gone"  # cancelled there, and here too now
    UNASKED = "unasked"  # Cal.com may not be asked, did not answer in time, or too soon to say


def still_booked(deps: Dependencies, appointment_id: int) -> Standing:
    """Look at a confirmed booking by its uid, and cancel it here when Cal.com shows it as cancelled.

    A "not found" shows nothing: Cal.com keeps a cancelled booking, so that another Cal.com has answered, a replica that
    lags, or one whose account was deleted (docs/calcom.md, row 35).
    """
    with deps.autocommit.connect() as conn:
        row = appointments.get(conn, appointment_id)
    if row is None or row.status is not Status.CONFIRMED:
        return Standing.UNASKED  # it has moved on just now
    made = list[CallMade | None]()
    calls = GuardedCalls(deps, row.correlation_id, on_report=lambda _, call: made.append(call))
    try:
        found = _look(deps, calls, row)
    except NotNow:
        return Standing.UNASKED
    if isinstance(found, Reply):
        return Standing.UNASKED
    if any(_lives(booking, row) for booking in found):
        return Standing.LIVES
    return Standing.GONE if _cancel(deps, row, made) else Standing.UNASKED


def _look(deps: Dependencies, calls: GuardedCalls, row: Appointment) -> Sequence[Booking] | Reply:
    """Return what Cal.com shows of the row: of a series all weeks, of a seat that is cancelled no booking.

    Cal.com deletes a cancelled seat, and only that: its "not found" counts where the seat's booking is found, and when
    the confirmation is older than the settle time (a replica that lags says the same, byte for byte).
    """
    if row.calcom_seat_uid is None:  # of a series each week counts: the customer may have cancelled one
        return read_bookings(calls.booking(row.series_uid or row.calcom_booking_uid or "", deadline=PATIENCE))
    found = read_bookings(calls.booking_of_seat(row.calcom_seat_uid, deadline=PATIENCE))
    if not (isinstance(found, Reply) and _is_missing(found) and _is_old(deps, row)):
        return found
    booking = read_bookings(calls.booking(row.calcom_booking_uid or "", deadline=PATIENCE))
    return found if isinstance(booking, Reply) else ()


def _is_missing(reply: Reply) -> bool:
    return reply.kind is ReplyKind.REFUSED and reply.http_status == 404 and "was not found" in reply.message


def _lives(booking: Booking, row: Appointment) -> bool:
    """Return whether this is the row's booking and stands, be it at another time."""
    if booking.moved_to is not None:
        return True
    by_other_uid = row.calcom_seat_uid is not None or row.series_uid is not None
    return not booking.cancelled and (by_other_uid or booking.uid == row.calcom_booking_uid)


def _is_old(deps: Dependencies, row: Appointment) -> bool:
    with deps.autocommit.connect() as conn:
        return audit.now(conn) - row.updated_at > timedelta(seconds=deps.timings.settle_unanswered)


def _cancel(deps: Dependencies, row: Appointment, made: Sequence[CallMade | None]) -> bool:
    with deps.engine.begin() as conn:
        moved = appointments.move(
            conn,
            row.id,
            Status.CONFIRMED,
            Status.CANCELLED,
            why="found cancelled at Cal.com when it was asked for again",
            by="caller",
            detail={"calls": [call for call in made if call]},
        )
    log.info("found_cancelled", appointment_id=row.id, moved=moved)
    return True

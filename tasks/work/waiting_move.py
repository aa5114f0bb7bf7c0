"""A wish for another start that stood against further POSTs: it is obeyed once it is certain that nothing is booked."""

from dataclasses import replace

from sqlalchemy import Connection

from db import appointments
from db.appointments import Appointment, FromNow
from db.changes import asking, moves
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from tasks.work.moves import KNOWN, Move, at_once


def moved_instead(conn: Connection, row: Appointment, cancelled: Move, *, lead_seconds: float) -> Move:
    """Return the move of a booking that is not booked, and unwanted at its start: with a wanted one it is posted there.

    The cancel itself, if no move waits, or if Cal.com has cancelled the booking; it is written only while a cancel is
    requested. The booking is locked: nobody wishes for something else until the move is written.
    """
    if "calcom_booking_uid" in cancelled.columns:
        return cancelled
    appointments.get(conn, row.id, lock=True)
    change = asking.waiting_start(conn, row.id)
    if change is None:
        return cancelled
    wanted = asking.at_start(row, change.start_at, lead_seconds=lead_seconds)
    if asking.is_taken(conn, row, wanted):  # asked for there meanwhile, by a request that lives

        def refused(conn: Connection) -> None:
            _over(conn, change, ChangeStatus.REFUSED, "the attendee has another request for the wanted start")

        return replace(at_once("not booked, and stays at its start: its move is refused"), also=refused)
    afresh = {"posts": 0, "retry_count": 0, "next_attempt_at": FromNow(0)}

    def done(conn: Connection) -> None:
        asking.answer_at(conn, row, row.start_at)
        _over(conn, change, ChangeStatus.DONE, "not booked yet: asked for at the new start")

    why = "not booked at its old start; it is booked at the wanted one"
    return Move(Status.RETRYING, why, {**KNOWN, **afresh, **wanted}, retry_in=0, also=done)


def _over(conn: Connection, change: BookingChange, to: ChangeStatus, why: str) -> None:
    words = why if to is ChangeStatus.REFUSED else None
    moves.move(conn, change.id, ChangeStatus.WAITING, to, why=why, last_error=words)

"""An operator's orders to one booking: try it again, or cancel it. Each says what it did, or why it did not."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from db import appointments
from db.appointments import Appointment
from db.lifecycle import HoldReason, Status
from tasks.moves import KNOWN
from tasks.publish import send
from worker.cli.named import named

_AFRESH: dict[str, Any] = {"leases_lost": 0, "probe_failures": 0}  # three in a row begin to count anew
_STUCK = {
    HoldReason.SUSPECT,
    HoldReason.BLIND_KEY,
    HoldReason.CREDENTIALS,
    HoldReason.CONFIGURATION,
}  # wait for no time


@dataclass(frozen=True)
class Done:
    """Say what became of an order; `ok` is False when nothing was done."""

    ok: bool
    said: str


def retry(engine: Engine, id_or_key: str, *, not_booked: bool, why: str) -> Done:
    """Send a held or failed booking again; what may be booked is looked up first, unless the operator has looked.

    `not_booked`: the operator's word that it is not at Cal.com. Nothing is unknown after it, so that the next thing is
    a POST like the first: the one way, beside `booking resolve`, to go on at once with what a blind key holds.

    Raises:
        Stop: There is no such booking, or it is not clear which one is meant.
    """
    with engine.begin() as conn:
        row = named(conn, id_or_key)
        if row.status not in {Status.HELD, Status.FAILED}:
            return Done(ok=False, said=f"{row.id}: is {row.status}; only held and failed bookings can be tried again")
        if (refused := _not_yet(conn, row, not_booked=not_booked)) is not None:
            return refused
        changes = _AFRESH | (KNOWN if not_booked else {})
        try:
            moved = appointments.move(conn, row.id, row.status, Status.PENDING, by="operator", why=why, **changes)
        except appointments.KeyTakenError:
            return Done(ok=False, said=f"{row.id}: was asked for again, and that newer booking lives or is confirmed")
        sent = appointments.get(conn, row.id) if moved else None
    if sent is None:
        return _moved_on(row)
    send([sent])
    first = " It is looked up at Cal.com first." if sent.outcome_unknown else ""
    return Done(ok=True, said=f"{row.id}: sent again.{first}")


def cancel(engine: Engine, id_or_key: str, *, not_booked: bool, why: str) -> Done:
    """Cancel a booking that is not booked; one whose outcome is open is cancelled as soon as that is known.

    Raises:
        Stop: There is no such booking, or it is not clear which one is meant.
    """
    with engine.begin() as conn:
        row = named(conn, id_or_key)
        if (done := _cannot(row) or _not_yet(conn, row, not_booked=not_booked)) is not None:
            return done
        if row.status is not Status.BOOKING and (not_booked or not row.outcome_unknown):
            changes = KNOWN if not_booked else {}
            moved = appointments.move(conn, row.id, row.status, Status.CANCELLED, by="operator", why=why, **changes)
            return Done(ok=True, said=f"{row.id}: cancelled.") if moved else _moved_on(row)
        asked, released = _ask(conn, row, why)
    if not asked:
        return _moved_on(row)
    if released is not None:
        send([released])
    if row.status is Status.BOOKING:
        return Done(
            ok=True, said=f"{row.id}: its call to Cal.com is under way; it is cancelled if that does not book it."
        )
    said = f"{row.id}: it may be booked already; it is cancelled once a look has shown that it is not."
    if row.hold_reason is HoldReason.BLIND_KEY:
        said += (
            f" This API key may never see that: look at Cal.com, then `booking cancel {row.id} --not-booked`, or "
            f"`booking resolve {row.id} UID`."
        )
    return Done(ok=True, said=said)


def _ask(conn: Connection, row: Appointment, why: str) -> tuple[bool, Appointment | None]:
    """Write the request into the row, unless that has moved on; a hold that waits for no time is released to look."""
    if row.status is Status.HELD and row.hold_reason in _STUCK:
        changes = {"cancel_requested": True, **_AFRESH}
        moved = appointments.move(
            conn, row.id, Status.HELD, Status.PENDING, by="operator", why=f"look before cancelling: {why}", **changes
        )
        return moved, appointments.get(conn, row.id) if moved else None
    asked = row.cancel_requested or appointments.request_cancel(conn, row.id, row.status, by="operator", why=why)
    return asked, None


def _cannot(row: Appointment) -> Done | None:
    match row.status:
        case Status.CONFIRMED:
            return Done(ok=False, said=f"{row.id}: is booked at Cal.com; cancel it there (`booking show {row.id}`)")
        case Status.FAILED:
            return Done(ok=False, said=f"{row.id}: has failed and nobody will try it; nothing to cancel")
        case Status.REJECTED | Status.EXPIRED | Status.CANCELLED:
            return Done(ok=False, said=f"{row.id}: is {row.status} for good; nothing to cancel")
    return None


def _not_yet(conn: Connection, row: Appointment, *, not_booked: bool) -> Done | None:
    """Refuse the word "not booked" while a call may still turn into a booking, or a replica show it late."""
    ends_at = row.ends_at or row.settle_at  # null in rows of workers that did not know it yet
    if not (not_booked and row.outcome_unknown and ends_at):
        return None
    left = (ends_at - conn.execute(select(func.now())).scalar_one()).total_seconds()
    if left <= 0:
        return None
    return Done(
        ok=False, said=f"{row.id}: a call may still turn into a booking for {left:.0f} s; look again after that"
    )


def _moved_on(row: Appointment) -> Done:
    return Done(ok=False, said=f"{row.id}: has just moved on by itself; look again with `booking show {row.id}`")

"""Revoke, as Flower and `celery control` offer it, means that the operator cancels the booking.

Celery's own revoke is a set in each worker's memory: a held booking has no message that it could stop, a worker that
starts again has forgotten it, and one that has not drops the look that a booking of unknown outcome still needs. So it
is replaced here by an order in the row.
"""

import threading
from typing import Any

import structlog
from celery.signals import task_revoked
from celery.utils.functional import maybe_list
from celery.worker.control import control_command
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.appointments import Appointment
from db.lifecycle import FINAL, HoldReason, Status
from tasks import dependencies
from tasks.publish import TASK, send, tell

TRIES = 5  # a booking that is just moving is looked at again
_STUCK = {HoldReason.SUSPECT, HoldReason.BLIND_KEY, HoldReason.CREDENTIALS, HoldReason.CONFIGURATION}

log = structlog.get_logger(__name__)


@control_command(name="revoke", variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(state: Any, task_id: str | list[str], **_options: Any) -> dict[str, str]:
    """Cancel bookings by their task ids; one that may be booked already is cancelled once that is known not to be so.

    Every worker hears it and the first one acts. A call under way is never cut off, `terminate` or not: its outcome is
    worth knowing.
    """
    ids = [str(one) for one in maybe_list(task_id) or []]
    # A thread of its own: a slow database must not stop the loop that takes messages and sends heartbeats.
    threading.Thread(target=cancel, args=(ids, state.hostname), name="revoke", daemon=True).start()
    return {"ok": f"cancelling {', '.join(ids)}"}


@task_revoked.connect
def dropped(sender: Any = None, request: Any = None, *, expired: bool = False, **_: Any) -> None:
    """Cancel a booking whose message a worker has dropped; it was revoked by way of a worker of an older version."""
    if getattr(sender, "name", None) != TASK or expired or request is None:
        return
    threading.Thread(target=cancel, args=([request.id], request.hostname), name="revoke", daemon=True).start()


def cancel(task_ids: list[str], hostname: str) -> None:
    """Cancel each, or write that it is to be cancelled; `hostname` is the worker that tells Flower."""
    for task_id in task_ids:
        try:
            _cancel(task_id, hostname)
        except SQLAlchemyError as exc:
            log.error("revoke_not_written", task_id=task_id, error=type(exc).__name__, next="revoke it again")  # noqa: TRY400 - the row stands in no traceback


def _cancel(task_id: str, hostname: str) -> None:
    for _ in range(TRIES):
        with dependencies.current().engine.begin() as conn:
            row = appointments.by_task(conn, task_id)
            if row is None or row.status in FINAL or row.cancel_requested:
                return
            to = _order(conn, row)
        if to is None:
            continue
        log.info("revoked", appointment_id=row.id, status=row.status.value, to=to.value)
        if to is Status.CANCELLED:
            tell("task-revoked", row, hostname=hostname)
        elif to is Status.PENDING:
            send([row], held=True)
        return


def _order(conn: Connection, row: Appointment) -> Status | None:
    """Write the order into the row; return where that leaves it, None when it has just moved on by itself."""
    why = "revoked"
    if row.status is not Status.BOOKING and not row.outcome_unknown:
        moved = appointments.move(conn, row.id, row.status, Status.CANCELLED, by="operator", why=why)
        return Status.CANCELLED if moved else None
    if row.status is Status.HELD and row.hold_reason in _STUCK:  # these wait for no time: its look comes now
        look: dict[str, Any] = {"cancel_requested": True, "leases_lost": 0, "probe_failures": 0}
        moved = appointments.move(
            conn, row.id, Status.HELD, Status.PENDING, by="operator", why="revoked: look before cancelling", **look
        )
        return Status.PENDING if moved else None
    asked = appointments.request_cancel(conn, row.id, row.status, by="operator", why=why)
    return row.status if asked else None

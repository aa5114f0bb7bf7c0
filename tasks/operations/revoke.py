"""The command `revoke`, as Flower and `celery control` offer it, cancels the booking.

Celery's own revoke is a set in each worker's memory. It cannot stop a held booking, which has no message; a restarted
worker has lost the set; and any other worker drops the lookup that a booking of unknown outcome still needs. Here
`revoke` is a command that is recorded in the row.
"""

import threading
from dataclasses import replace
from typing import Any

from celery.utils.functional import maybe_list
from celery.worker.control import control_command
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.changes import asking
from db.lifecycle import FINAL
from tasks import dependencies
from tasks.changes.ask.ask import AskOutcome, Via
from tasks.changes.ask.change import cancel as cancel_row
from tasks.host.log import Logger
from tasks.work.publish import tell

TRIES = 5  # for a booking whose status changes meanwhile

log = Logger(__name__)


@control_command(name="revoke", variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(state: Any, task_id: str | list[str], **_options: Any) -> dict[str, str]:
    """Cancel bookings by their task ids; if one may be at Cal.com, it is cancelled once it is known not to be there.

    Every worker receives the command, and the first one acts. A call under way is never cut off, even with `terminate`,
    so that its answer is not lost.
    """
    ids = [str(one) for one in maybe_list(task_id) or []]
    # A thread of its own: a slow database must not stop the loop that takes messages and sends heartbeats.
    threading.Thread(target=cancel, args=(ids, state.hostname), name="revoke", daemon=True).start()
    return {"ok": f"cancelling {', '.join(ids)}"}


def cancel(task_ids: list[str], hostname: str) -> None:
    """Cancel each booking, or record that it is to be cancelled; `hostname` is the worker that Flower shows."""
    engine = dependencies.current().engine
    for task_id in task_ids:
        try:
            _cancel(engine, task_id, hostname)
        except SQLAlchemyError as exc:
            log.error("revoke_not_written", task_id=task_id, error=type(exc).__name__, next="revoke it again")  # noqa: TRY400 - no traceback names the row


def _cancel(engine: Engine, task_id: str, hostname: str) -> None:
    for _ in range(TRIES):
        with engine.connect() as conn:
            row = appointments.by_task(conn, task_id)
        if row is None and _withdraw(engine, task_id):
            return
        if row is None or row.status in FINAL or row.cancel_requested:
            return
        result = cancel_row(engine, row.id, by="operator", via=Via.FLOWER, why="revoked")
        if result.done:
            found = replace(row, status=result.status or row.status)  # as the command found it
            log.info("revoked", appointment_id=row.id, status=found.status.value, outcome=result.outcome.value)
            if result.outcome is AskOutcome.CANCELLED:
                tell(dependencies.current(), "task-revoked", found, hostname=hostname)
            return


def _withdraw(engine: Engine, task_id: str) -> bool:
    """Withdraw the change of a task id, if it was not sent; return whether it was withdrawn."""
    with engine.begin() as conn:
        change = asking.by_task(conn, task_id)
        if change is None or appointments.get(conn, change.appointment_id, lock=True) is None:
            return False
        withdrawn = asking.withdraw(conn, [change], by="operator", why="revoked")
    log.info("change_revoked", change_id=change.id, withdrawn=bool(withdrawn))
    return bool(withdrawn)

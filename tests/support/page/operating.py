"""What an operator asks for, and what is recorded of it."""

from typing import Any
from uuid import uuid4

from sqlalchemy import select

from db.appointments import events
from db.lifecycle import HoldReason, Status
from db.models.counts import operator_actions
from db.monitoring.operator_actions import ActionRequest, OperatorAction
from tasks.changes.ask.ask import Via
from tasks.dependencies import Dependencies


def asked(action: str, **more: Any) -> ActionRequest:
    """Ask for something, from the page, with a request id of its own."""
    return ActionRequest(
        **{"who": "ann", "via": Via.PAGE, "why": "a test", "request_id": uuid4()} | more, action=action
    )


def of_bookings(action: str, rows: list[Any], *, not_booked: bool = False, **more: Any) -> ActionRequest:
    """Ask for something of these bookings, given as rows or ids."""
    ids = tuple(row if isinstance(row, int) else row.id for row in rows)
    return asked(action, ids=ids, target={"not_booked": not_booked}, **more)


def recorded(deps: Dependencies) -> list[OperatorAction]:
    """Return all that is recorded, oldest first."""
    with deps.engine.connect() as conn:
        rows = conn.execute(select(operator_actions).order_by(operator_actions.c.id)).mappings()
        return [OperatorAction.of(row) for row in rows]


def held(record: Any, reason: HoldReason = HoldReason.CREDENTIALS, **columns: Any) -> Any:
    """Make a held row; `columns` are written past the door."""
    row = record.moved(Status.HELD, hold_reason=reason)
    if columns:
        record.write(row.id, **columns)
    return record.read(row.id)


def story(record: Any, row: Any) -> list[tuple[str, Any]]:
    """Return what happened to a booking by operators: the kind, and what is kept of it."""
    with record.engine.connect() as conn:
        timeline = events.timeline(conn, row.id)
    return [(event.kind, dict(event.detail)) for event in timeline if event.by == "operator"]

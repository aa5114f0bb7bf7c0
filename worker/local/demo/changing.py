"""Two customers change their minds in the outage: an operator cancels one booking, and moves another."""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import exists, select

from db.lifecycle import OVER, ChangeStatus, Status
from db.models.bookings import appointments
from db.models.changes import ChangeKind, booking_changes
from worker.console.stop import Stop
from worker.local.demo.calling import EVENT_TYPE
from worker.local.demo.environment import DemoEnvironment
from worker.local.processes import Part

LATER = timedelta(weeks=104)  # a time at which the host works, and which no line of the examples asks for


def change_two(environment: DemoEnvironment) -> list[Part]:
    """Start `booking cancel` of one booking that Cal.com has, and `booking reschedule` of another."""
    (cancelled, _), (moved, start) = _two_booked(environment)
    parts = [
        _command("cancel", str(cancelled)),
        _command("reschedule", str(moved), (start + LATER).isoformat()),
    ]
    for part in parts:
        environment.processes.start(part)
    return parts


def all_answered(environment: DemoEnvironment, parts: Sequence[Part]) -> bool:
    """Return whether both commands have ended. Raises Stop if one was refused."""
    codes = [environment.processes.exit_code(part) for part in parts]
    for part, code in zip(parts, codes, strict=True):
        if code:
            raise Stop(f"`booking {part.name}` was refused: {environment.processes.output(part)[-500:]}")
    return None not in codes


def open_changes(environment: DemoEnvironment) -> list[str]:
    """Return a line for each change that is not over."""
    column = booking_changes.c
    wanted = select(column.appointment_id, column.kind, column.status).where(column.status.not_in(OVER))
    with environment.engine.connect() as conn:
        return [f"booking {row[0]}: its {row[1]} is still {row[2]}" for row in conn.execute(wanted)]


def count_moved(environment: DemoEnvironment) -> int:
    """Count the moves that are done."""
    column = booking_changes.c
    done = column.kind == ChangeKind.RESCHEDULE, column.status == ChangeStatus.DONE
    with environment.engine.connect() as conn:
        return len(conn.execute(select(column.id).where(*done)).all())


def _two_booked(environment: DemoEnvironment) -> list[tuple[int, datetime]]:
    """Return the first two bookings whose time nobody else has asked for: who was refused it stays refused."""
    column, other = appointments.c, appointments.alias()
    wanted_by_others = exists().where(other.c.start_at == column.start_at, other.c.id != column.id)
    mine = column.event_type_id == EVENT_TYPE, column.status == Status.CONFIRMED, ~wanted_by_others
    with environment.engine.connect() as conn:
        found = conn.execute(select(column.id, column.start_at).where(*mine).order_by(column.id).limit(2)).all()
    if len(found) < 2:
        raise Stop("Cal.com has booked too little before its outage: run the demo again")
    return [(row[0], row[1]) for row in found]


def _command(name: str, *arguments: str) -> Part:
    return Part(name, (sys.executable, "-m", "worker.cli", name, *arguments, "--why", "the customer has called"))

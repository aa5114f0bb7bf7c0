"""An operator's action on up to a thousand bookings: recorded first, then one transaction a booking.

What became of each is counted in the transaction that did it. So a process that is killed half-way has done what it has
counted, and whoever carries the same action out again goes on behind it; two at once share the work, and do none twice.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from db.lifecycle import Status
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest, OperatorAction
from tasks.dependencies import Dependencies
from tasks.operations.booking_commands import BATCH, Command, CommandOutcome, CommandResult, Via, cancel_in, retry_in
from tasks.publish import send

MOST = 1_000  # bookings of one action
RETRY, CANCEL = "retry", "cancel"
_COMMANDS: Mapping[str, Callable[[Connection, int, Command], CommandResult]] = MappingProxyType(
    {RETRY: retry_in, CANCEL: cancel_in}
)
_MOVING = frozenset({"55P03", "40P01", "40001"})  # somebody else holds this row just now


class OtherActionError(Exception):
    """Say that a request id stands for an action of other content."""


class _TakenOverError(Exception):
    """Say that another process has dealt with this booking of the action."""


def begin(engine: Engine, asked: ActionRequest) -> OperatorAction:
    """Record an action, or return the one that stands there with its request id: a double click begins no second one.

    Raises:
        OtherActionError: That one is about something else.
    """
    with engine.begin() as conn:
        operator_actions.add(conn, asked)
        action = operator_actions.get(conn, asked.request_id)
    if action is None or _content(action) != _content(asked):
        raise OtherActionError("this request stands for another action; look again")
    return action


def found(engine: Engine, request_id: UUID) -> OperatorAction | None:
    """Return an action as it stands by now."""
    with engine.connect() as conn:
        return operator_actions.get(conn, request_id)


def carry_out(deps: Dependencies, action: OperatorAction) -> list[CommandResult]:
    """Carry out what is left of an action on bookings; return what became of those that were dealt with here.

    Ends early when another process carries it out, too: that one goes on.

    Raises:
        SQLAlchemyError: Postgres does not answer; carried out again it goes on from here.
    """
    results: list[CommandResult] = []
    unsent: list[CommandResult] = []
    try:
        for position in range(action.counted, len(action.ids or ())):
            results.append(_next(deps.engine, action, position))
            unsent += [results[-1]] if results[-1].released else []
            if len(unsent) == BATCH:
                _send(deps, unsent)
                unsent.clear()
    except _TakenOverError:
        pass
    finally:
        _send(deps, unsent)
    return results


def _next(engine: Engine, action: OperatorAction, position: int) -> CommandResult:
    """Deal with the booking at a position, and count it."""
    booking_id = (action.ids or ())[position]
    try:
        with engine.begin() as conn:
            result = _COMMANDS[action.action](conn, booking_id, _command(action))
            _count(conn, action, position, result)
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) not in _MOVING:
            raise
        result = CommandResult(booking_id, CommandOutcome.MOVED_ON)
        with engine.begin() as conn:
            _count(conn, action, position, result)
    return result


def _count(conn: Connection, action: OperatorAction, position: int, result: CommandResult) -> None:
    if not operator_actions.count(conn, action.id, position, result.outcome, was_done=result.done):
        raise _TakenOverError  # and what was done to the booking is taken back


def _command(action: OperatorAction) -> Command:
    via = Via(action.via)
    who = None if via is Via.COMMAND_LINE else action.who
    return Command("operator", via, action.why, bool(action.target.get("not_booked")), who, action.epoch_seen)


def _send(deps: Dependencies, released: list[CommandResult]) -> None:
    """Send the messages of what is released: of a broker that is down one is waited for, the sweeper sends the rest."""
    for was_held in (True, False):
        rows = [one.released for one in released if one.released and (one.status is Status.HELD) is was_held]
        if rows:
            send(deps, rows, held=was_held)


def _content(one: ActionRequest) -> tuple[object, ...]:
    return one.action, dict(one.target), one.epoch_seen, one.ids, one.why

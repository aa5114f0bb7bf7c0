"""An operator's action on up to a thousand bookings: recorded first, then one transaction for each booking.

The outcome of each booking is counted in the transaction that changes it. So a process that is killed half-way has done
exactly what it has counted, and the next one goes on after that; two processes share the work, and do nothing twice.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from db.changes.change import SeriesPart
from db.lifecycle import Status
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest, OperatorAction
from db.queue import held
from db.queue.kinds import KINDS
from tasks import dependencies
from tasks.changes.ask.ask import Ask, AskOutcome, AskResult, Via
from tasks.changes.ask.change import RESCHEDULE, change_in
from tasks.changes.ask.sentences import sentence_of
from tasks.dependencies import Dependencies
from tasks.operations.retry import BATCH, retry_in
from tasks.work.publish import send

MOST = 1_000  # bookings of one action
RETRY, CANCEL = "retry", "cancel"
_ACTIONS: Mapping[str, Callable[[Connection, int, Ask], AskResult]] = MappingProxyType(
    {RETRY: retry_in, CANCEL: change_in, RESCHEDULE: change_in}
)
_MOVING = frozenset({"55P03", "40P01", "40001"})  # another transaction has this row locked


class OtherActionError(Exception):
    """Raised when a request id already names another action."""


class _TakenOverError(Exception):
    """Raised when another process has carried out the action on this booking."""


def begin(engine: Engine, asked: ActionRequest) -> OperatorAction:
    """Record an action, or return the one that has its request id already: a double click begins no second action.

    Raises:
        OtherActionError: The recorded action is not the one that is asked for.
    """
    with engine.begin() as conn:
        operator_actions.add(conn, asked)
        action = operator_actions.get(conn, asked.request_id)
    if action is None or _content(action) != _content(asked):
        raise OtherActionError("this request stands for another action; look again")
    return action


def found(engine: Engine, request_id: UUID) -> OperatorAction | None:
    """Return an action as it is recorded now; None: there is no such action."""
    with engine.connect() as conn:
        return operator_actions.get(conn, request_id)


def carry_out(deps: Dependencies, action: OperatorAction) -> list[AskResult]:
    """Carry out the rest of an action on bookings; return the outcomes of the bookings that this call changed or left.

    This ends early when another process carries out the same action: that process continues.

    Raises:
        SQLAlchemyError: Postgres does not answer; when the action is carried out again, it continues from here.
    """
    results: list[AskResult] = []
    unsent: list[AskResult] = []
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


def retry_held(
    engine: Engine,
    meant: held.HeldSo,
    *,
    since: datetime,
    by: str,
    via: Via,
    why: str,
    action_id: int | None = None,
    limit: int = BATCH,
) -> Iterator[int]:
    """Retry what was held so at the moment `since`, bookings and then changes, in order; yield each batch's size.

    What may be done at Cal.com is looked up first. `action_id` is the recorded action that counts the rows.
    """
    for kind in KINDS:
        while True:
            with engine.begin() as conn:
                rows = held.release(conn, kind, meant, since=since, by=by, via=via, why=why, limit=limit)
                if action_id is not None:
                    operator_actions.add_done(conn, action_id, len(rows))
            if not rows:
                break
            send(dependencies.current(), rows, held=True)
            yield len(rows)


def _next(engine: Engine, action: OperatorAction, position: int) -> AskResult:
    """Change the booking at a position, and count its outcome."""
    booking_id = (action.ids or ())[position]
    try:
        with engine.begin() as conn:
            result = _ACTIONS[action.action](conn, booking_id, _ask(action))
            _count(conn, action, position, result)
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) not in _MOVING:
            raise
        result = AskResult(booking_id, AskOutcome.MOVED_ON)
        with engine.begin() as conn:
            _count(conn, action, position, result)
    return result


def _count(conn: Connection, action: OperatorAction, position: int, result: AskResult) -> None:
    refuses = (action.action == RESCHEDULE or "week" in action.target) and not result.done
    refused = f"{result.booking_id}: {sentence_of(result)}" if refuses else None
    if not operator_actions.count(conn, action.id, position, result.outcome, was_done=result.done, refused=refused):
        raise _TakenOverError  # the transaction is rolled back, and with it the change of the booking


def _ask(action: OperatorAction) -> Ask:
    via = Via(action.via)
    who = None if via is Via.COMMAND_LINE else action.who
    given: dict[str, Any] = {name: action.target.get(name) for name in ("reason", "account")}
    week = action.target.get("week")
    given["part"] = SeriesPart.of(action.target.get("scope"), None if week is None else datetime.fromisoformat(week))
    if action.action == RESCHEDULE:
        given["start"] = datetime.fromisoformat(action.target["start"])
    spares = via is Via.PAGE and len(action.ids or ()) > 1  # a list's cancel is of what is not booked yet
    not_booked = bool(action.target.get("not_booked"))
    return Ask("operator", via, action.why, not_booked, who, action.epoch_seen, **given, spares_booked=spares)


def _send(deps: Dependencies, released: list[AskResult]) -> None:
    """Send the messages of released bookings; while the broker is down the sweeper sends them later."""
    for was_held in (True, False):
        rows = [one.released for one in released if one.released and (one.status is Status.HELD) is was_held]
        if rows:
            send(deps, rows, held=was_held)


def _content(one: ActionRequest) -> tuple[object, ...]:
    return one.action, dict(one.target), one.epoch_seen, one.ids, one.why

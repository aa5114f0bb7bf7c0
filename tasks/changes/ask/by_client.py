"""Decide the wishes that clients have stored: whether a booking can be cancelled or moved, by the rule of all others.

A client's transaction only stores the wish. Here, after its commit, the wish becomes a change of its booking. A refused
wish becomes a change, too: the client sees it there when it asks for the outcome of the booking.
"""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from db import appointments
from db.changes import asking, moves, wishes
from db.changes.wishes import StoredWish
from db.lifecycle import ChangeStatus, Status
from tasks.changes.ask import store
from tasks.changes.ask.ask import Ask, AskOutcome, AskResult, Via
from tasks.changes.ask.change import change_in
from tasks.changes.ask.sending import send_released
from tasks.changes.ask.sentences import sentence_of
from tasks.dependencies import Dependencies
from tasks.host.log import Logger

log = Logger(__name__)


def decide_wishes(deps: Dependencies, meanwhile: Callable[[], object] = lambda: None) -> int:
    """Decide each wish that clients have stored, and send the messages that follow; return how many wishes there were.

    Any number of processes may run it at once. `meanwhile` is called after each wish.
    """
    count = after = 0
    while (wish := _decide_next(deps, after)) is not None:
        count, after = count + 1, wish.id
        meanwhile()
    return count


def _decide_next(deps: Dependencies, after: int) -> StoredWish | None:
    """Decide the next wish after a number, and return it; None: there is none."""
    wish = result = None
    try:
        with deps.engine.begin() as conn:
            wish = wishes.take_next(conn, after)
            if wish is not None:
                result = _decide(conn, wish)
                wishes.delete_wish(conn, wish)
    except Exception as exc:
        if wish is None or isinstance(exc, InterfaceError | OperationalError):  # Postgres is away, for all wishes
            raise
        log.warning("wish_not_decided", wish=wish.id, error=type(exc).__name__, next="the sweeper tries it again")
        return wish  # those of other bookings go on
    if result is not None:
        send_released(result)
    return wish


def _decide(conn: Connection, wish: StoredWish) -> AskResult:
    given = {"reason": wish.reason, "key": wish.key, "asked_at": wish.asked_at, "start": wish.start}
    ask = Ask.of_caller(Via.PYTHON, **given)
    result = change_in(conn, wish.appointment_id, ask)
    if result.change is None:
        _store_end(conn, wish.appointment_id, ask, result)
    return result


def _store_end(conn: Connection, booking_id: int, ask: Ask, result: AskResult) -> None:
    """Store the change that is refused, or done without one: its booking was cancelled, or is."""
    row = appointments.get(conn, booking_id)
    if row is None:
        return
    is_cancelled = ask.start is None and row.status is Status.CANCELLED
    to = ChangeStatus.DONE if is_cancelled else ChangeStatus.REFUSED
    if result.outcome is AskOutcome.KEY_REUSED:
        ask = replace(ask, key=None)  # it stays the other change's
    change = store.keep(conn, row, ask, ChangeStatus.WAITING, asking.moment_of(conn, row))
    why = sentence_of(result)
    moves.move(
        conn, change.id, ChangeStatus.WAITING, to, why=why, by="caller", last_error=None if is_cancelled else why
    )

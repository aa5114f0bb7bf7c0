"""The record of an operator's command: written before the work begins, finished with the result."""

import sys
from collections.abc import Mapping
from typing import Any

import typer
from sqlalchemy import Engine

from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from tasks.changes.ask.ask import Via
from tasks.operations import booking_actions
from worker.cli.session import login_name
from worker.console.stop import Stop


def requested(
    action: str, *, why: str, target: Mapping[str, Any], who: str = "", ids: tuple[int, ...] | None = None
) -> ActionRequest:
    """Return the request of a command for the record; `who` is empty for the user who is logged in."""
    return ActionRequest(who=who or login_name(), via=Via.COMMAND_LINE, action=action, why=why, target=target, ids=ids)


def begin(
    engine: Engine, action: str, *, why: str, target: Mapping[str, Any], ids: tuple[int, ...] | None = None
) -> int:
    """Record that an action begins; return its number."""
    return booking_actions.begin(engine, requested(action, why=why, target=target, ids=ids)).id


def finish(engine: Engine, action_id: int, outcomes: Mapping[str, int], *, refused: str | None = None) -> None:
    """Record the result of an action; `refused` is why nothing was done."""
    with engine.begin() as conn:
        operator_actions.finish(conn, action_id, outcomes, refused=refused)


def agreed(meant: str, question: str, *, without_asking: str) -> bool:
    """Ask whether what is meant is to be done; `without_asking` says what --yes does.

    Raises:
        Stop: Standard input is no terminal: nobody can answer.
    """
    if not sys.stdin.isatty():
        raise Stop(f"{meant}: give --yes to {without_asking} (there is nobody to ask)")
    return typer.confirm(f"{meant}. {question}", err=True)

"""`booking actions`: what operators did on the page or the command line, and the result."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select

from db.monitoring import operator_actions
from db.monitoring.operator_actions import OperatorAction
from tasks.words import ago, plural
from worker.cli.session import record
from worker.console import screen

FEW = 5  # ids that are listed; more are only counted


def run(*, limit: int, json: bool) -> None:
    """Show the latest actions."""
    with record() as (conn, _settings):
        found = operator_actions.latest(conn, limit)
        now = conn.execute(select(func.now())).scalar_one()
    if json:
        screen.as_json({"actions": [asdict(action) for action in found]})
    elif not found:
        screen.say("No action.")
    for action in [] if json else found:
        asked = f"{action.id:>5}  {ago(action.asked_at, now):<12} {screen.plain(action.who)} ({action.via})  "
        screen.say(asked, (_what(action), "bold"), f": {_came_of(action)}")
        for name, text in (("refused", action.refused), ("why", action.why)):
            if text:
                screen.say(" " * 7, (f"{name}: ", "dim"), screen.plain(text))


def _what(action: OperatorAction) -> str:
    """Return the action's name, its bookings and its options, as text."""
    words = action.action.replace("_", " ")
    if action.ids is not None:
        named = ", ".join(map(str, action.ids))
        words += f" {named if len(action.ids) <= FEW else plural(len(action.ids), 'booking')}"
    given = ", ".join(_target(action.target))
    return screen.plain(f"{words} ({given})" if given else words)


def _target(target: Mapping[str, Any]) -> Iterator[str]:
    for name, value in target.items():
        if value not in (None, False):
            words = name.replace("_", " ")
            yield words if value is True else f"{words} {value}"


def _came_of(action: OperatorAction) -> str:
    counts = {outcome.replace("_", " "): count for outcome, count in action.outcomes.items()}
    said = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
    if action.ids is None and len(counts) < 2:  # an order to the breaker, which counts the bookings that it let go
        done = plural(action.done, "booking") if action.done else ""
        said = ", ".join(filter(None, (*counts, done)))
    return said if action.done_at is not None else f"goes on, or was broken off{said and f'; {said}'}"

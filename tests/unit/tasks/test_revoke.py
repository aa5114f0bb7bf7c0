"""Revoke, as Flower hears of it."""

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from db.appointments import Appointment
from db.lifecycle import Status
from tasks.changes.ask.ask import AskOutcome, AskResult
from tasks.operations import revoke


def test_flower_is_told_of_the_row_as_the_command_found_it(
    monkeypatch: pytest.MonkeyPatch, row: Callable[..., Appointment]
) -> None:
    """It may have been held since it was read, and then Flower's HELD must be replaced before its end is told."""
    events: list[tuple[str, Status]] = []
    deps: Any = SimpleNamespace(engine=SimpleNamespace(connect=lambda: nullcontext(None)))
    found = AskResult(1, AskOutcome.CANCELLED, Status.HELD)
    monkeypatch.setattr(revoke.dependencies, "current", lambda: deps)
    monkeypatch.setattr(revoke.appointments, "by_task", lambda _conn, _task: row(status=Status.PENDING))
    monkeypatch.setattr(revoke, "cancel_row", lambda *_, **_named: found)
    monkeypatch.setattr(revoke, "tell", lambda _deps, kind, one, **_: events.append((kind, one.status)))

    revoke.cancel(["task"], "worker@host")

    assert events == [("task-revoked", Status.HELD)]

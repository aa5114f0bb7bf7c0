"""The command line itself: help that teaches, exit codes, and errors without a traceback."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worker.cli.commands import app

Booking = Callable[..., Any]
COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands if command.callback)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(call: Booking, command: str) -> None:
    """Nobody reads a manual before the first try."""
    command = command.replace("_", "-")
    ran = call(command, "--help")
    assert ran.code == 0
    assert f"booking {command}" in ran.out.partition("For example:")[2]


@pytest.mark.parametrize(
    "arguments", [("enqueue",), ("nonsense",), ("show", "1", "--nonsense"), ("migrate", "--down", "1", "--status")]
)
def test_wrong_usage_ends_with_two(call: Booking, arguments: tuple[str, ...]) -> None:
    """And says how it is used."""
    ran = call(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: booking" in ran.err


@pytest.mark.parametrize(
    "command", ["status", "alerts", "check", "migrate", "show 1", "retry 1", "cancel 1", "resolve 1 uid"]
)
def test_without_servers_each_command_says_what_to_do(
    call: Booking,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    settings: Callable[..., dict[str, str]],
    command: str,
) -> None:
    """No URL, and nothing runs here."""
    settings(DATABASE_URL="", REDIS_URL="")
    monkeypatch.chdir(tmp_path)
    ran = call(*command.split())
    assert ran.code == 1
    assert "DATABASE_URL: not given, and no `booking up` runs here; set it or run `booking up`" in ran.said


def test_help_does_not_wait_for_celery() -> None:
    """What a command needs is loaded when it is run: help comes at once."""
    ran = subprocess.run(
        [sys.executable, "-c", "import sys, worker.cli.commands; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert not {"celery", "sqlalchemy", "alembic", "requests", "pydantic"} & loaded

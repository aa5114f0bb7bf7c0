"""`booking status --watch`: in one place on a terminal, a line a change in a pipe, and Ctrl-C ends it."""

import getpass
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.cli.conftest import SLOW, Booking
from tests.running.waiting import RanOut
from tests.support.faces.command_line import Ran
from tests.support.fleet import eventually

Settings = Callable[..., dict[str, str]]
Spawn = Callable[..., "subprocess.Popen[bytes]"]
TIME = re.compile(r"^.*? (?=calm|warning|critical)")


def line(process: "subprocess.Popen[bytes]") -> str:
    """Return its next line."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], SLOW)[0]:
        raise RanOut("it says nothing")
    return process.stdout.readline().decode()


def until(process: "subprocess.Popen[bytes]", *words: str) -> str:
    """Return its next line with these words; for a moment a slow machine's servers may seem to be gone."""
    before = ""
    for _ in range(20):
        said = line(process)
        assert TIME.sub("", said) != TIME.sub("", before), "the same is said twice"
        if all(word in said for word in words):
            return said
        before = said
    raise AssertionError(f"it never says {words}")


def stop(process: "subprocess.Popen[bytes]", ended: Callable[[Any], Ran], last: str) -> tuple[int, str]:
    """Send it Ctrl-C; return its exit code and its last line, which is `last` unless there was one more."""
    process.send_signal(signal.SIGINT)
    ran = ended(process)
    assert ran.err == ""
    return ran.code, (ran.out.splitlines() or [last])[-1]


@pytest.mark.long
def test_a_pipe_gets_a_line_for_each_change(
    settings: Settings, call: Booking, spawn: Spawn, ended: Callable[[Any], Ran]
) -> None:
    """And no line while nothing changes; the exit code is that of the last state."""
    environment = settings()
    watching = spawn(environment, "status", "--watch")
    assert until(watching, "Ready").endswith(" calm Ready: no booking yet.\n")

    call("breaker", "open", "--why", "Cal.com asked us to")

    given = f'({getpass.getuser()}: "Cal.com asked us to")'
    ordered = f"[ORDERED] An operator holds all back until told otherwise {given}: 0 held.\n"
    assert until(watching, "[ORDERED]").endswith(f" warning {ordered}")
    assert stop(watching, ended, "")[0] == 1


@pytest.mark.long
def test_json_is_a_line_for_each_change_too(
    settings: Settings, call: Booking, spawn: Spawn, ended: Callable[[Any], Ran]
) -> None:
    """Of the payload that the page has, too."""
    environment = settings()
    watching = spawn(environment, "status", "--watch", "--json")
    call("breaker", "off")
    told: dict[str, Any] = {"row": 0}
    while told["row"] != 15:
        told = json.loads(line(watching))["verdict"]
    call("breaker", "auto")
    while told["name"] != "calm":
        told = json.loads(said := line(watching))["verdict"]
    code, said = stop(watching, ended, said)
    assert code == (json.loads(said)["verdict"]["name"] != "calm")


def test_a_terminal_shows_it_in_one_place(settings: Settings) -> None:
    """The answer, and figures below it; Ctrl-C gives the cursor back and leaves the last state standing."""
    environment = settings() | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    ours, theirs = pty.openpty()
    watching = subprocess.Popen(
        [sys.executable, "-m", "worker.cli", "status", "--watch"],
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""

    def more() -> bool:
        nonlocal shown
        if select.select([ours], [], [], 0.1)[0]:
            shown += os.read(ours, 65536)
        return shown.count(b"Ready: no booking yet.") >= 2

    try:
        eventually(more, what="it is shown twice")
        os.killpg(watching.pid, signal.SIGINT)
        assert watching.wait(SLOW) == 0
    finally:
        watching.kill()
        os.close(ours)
    assert b"Traceback" not in shown
    assert b"\x1b[1A" in shown  # the second over the first


def test_a_server_that_is_gone_is_said_and_its_return_too(
    settings: Settings, spawn: Spawn, ended: Callable[[Any], Ran], postgres: Any
) -> None:
    """Frozen, it is given up; watching goes on."""
    watching = spawn(settings(), "status", "--watch")
    until(watching, "Ready")
    postgres.pause()
    until(watching, "[OURS, critical] Postgres does not answer since ")
    postgres.resume()
    code, said = stop(watching, ended, until(watching, "Ready"))
    assert code == (" calm " not in said)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("arguments", [("status",), ("status", "--json")])
def test_a_frozen_postgres_is_said_at_once(
    settings: Settings, call: Booking, postgres: Any, arguments: tuple[str, ...]
) -> None:
    """One look is bounded, too; to programs it is told as JSON, with the keys that are always there."""
    settings()
    postgres.pause()
    ran = call(*arguments)
    postgres.resume()
    assert ran.code == 1
    if "--json" in arguments:
        assert (ran.json["ok"], ran.json["counts"], ran.json["verdict"]["name"]) == (False, None, "postgres_gone")
    else:
        assert ran.err.startswith(
            "booking: Postgres does not answer: new requests are refused; accepted ones are kept."
        )

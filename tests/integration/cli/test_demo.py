"""`booking demo`: it keeps its promises, says so in a line for programs, and leaves nothing behind."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.conftest import shown_code
from tests.support.fleet import eventually
from worker.local import demo as demo_module

NAMES = [
    "requests",
    "accepted",
    "duplicates",
    "invalid",
    "confirmed",
    "cancelled",
    "moved",
    "called",
    "called_back",
    "rejected",
    "failed",
    "expired",
    "held",
    "lost",
    "double_booked",
    "retries",
    "breaker_opened",
    "calls_while_open",
    "probes",
    "held_peak",
    "recovery_seconds",
    "seconds",
]
MOMENTS = [
    "Cal.com has a bad day",
    "Cal.com is down",
    "20 failures open the breaker",
    "one probe: answered 503; it stays open",
    "Cal.com is back",
    "one probe: booked; the breaker closes",
    "nobody is held any more",
]
CALL = [
    "Cal.com is down",
    "a voice agent says: ",
    "I have noted",
    "Cal.com is back",
    "a callback says: You are booked",
]
ENDS = ("confirmed", "cancelled", "rejected", "failed", "expired", "held")

Start = Callable[..., Any]


@pytest.fixture
def demo(home: Any, spawn: Start) -> Any:
    """Start `booking demo --json` where nothing is set."""
    return spawn(home.environment(), "demo", "--json", cwd=home.folder)


@pytest.mark.alone
@pytest.mark.long
def test_nothing_is_lost_and_nothing_is_booked_twice(demo: Any, home: Any) -> None:
    """Exit code 0, one object in the last line, an outage that is told in order, and nothing is left behind."""
    out, err = demo.communicate(timeout=180)
    print(out.decode(), err.decode())  # noqa: T201 - pytest shows it when the test fails
    told = json.loads(out.splitlines()[-1])
    assert (demo.returncode, told["lost"], told["double_booked"]) == (0, 0, 0), err.decode()
    assert [name for name in NAMES if name not in told] == []
    assert told["requests"] == told["accepted"] + told["duplicates"] + told["invalid"] >= 200
    assert told["accepted"] + told["called"] == sum(told[end] for end in ENDS)
    assert told["confirmed"] > 150
    assert (told["cancelled"], told["moved"], told["called"], told["called_back"]) == (1, 2, 1, 1)
    assert told["retries"] > 0, "Cal.com misbehaved"
    assert (told["calls_while_open"], told["held"], told["failed"]) == (0, 0, 0)
    assert told["breaker_opened"] == told["probes"] >= 2, "each probe but the last was in vain; the ramp opened nothing"
    assert told["held_peak"] > 20
    assert 0 < told["recovery_seconds"] < told["seconds"]
    said = err.decode()
    assert sorted(MOMENTS, key=said.index) == MOMENTS
    assert said.index(MOMENTS[1]) < said.index("one cancels, one moves") < said.index("Cal.com is back")
    assert sorted(CALL, key=said.index) == CALL
    assert (home.processes(), home.files()) == ({}, [])


def reach(demo: Any, home: Any, moment: str) -> None:
    """Wait until a process with these words in its command line runs."""
    eventually(lambda: any(moment in line for line in home.processes().values()) or demo.poll() is not None)
    assert demo.poll() is None, demo.communicate()[1].decode()


@pytest.mark.long
@pytest.mark.parametrize(
    ("moment", "number", "code"),
    [
        ("bin/postgres", signal.SIGINT, 130),
        ("celery -A worker beat", signal.SIGTERM, 143),
        ("enqueue", signal.SIGINT, 130),
    ],
    ids=["Ctrl-C while servers start", "SIGTERM while workers start", "Ctrl-C in mid-run"],
)
def test_a_signal_at_any_moment_leaves_nothing(
    demo: Any, home: Any, moment: str, number: signal.Signals, code: int
) -> None:
    """Neither a process nor a file, and no traceback."""
    reach(demo, home, moment)
    demo.send_signal(number)
    _, err = demo.communicate(timeout=60)
    assert shown_code(demo.returncode) == code
    assert b"Traceback" not in err
    assert (home.processes(), home.files()) == ({}, [])


@pytest.mark.long
def test_a_killed_demo_leaves_nothing(demo: Any, home: Any) -> None:
    """It gets no chance to clear up; its guards do."""
    reach(demo, home, "celery -A worker beat")
    demo.kill()
    demo.communicate(timeout=10)
    eventually(lambda: not home.processes() and not home.files(), what="the guards have cleared up")


def test_without_the_examples_it_says_where_they_are(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An installed package has no examples and no simulator."""
    monkeypatch.setattr(demo_module, "__file__", str(tmp_path / "worker" / "local" / "demo" / "__init__.py"))
    ran = call("demo")
    assert (ran.code, ran.out) == (1, "")
    assert "the demo comes with a clone of the project" in ran.err

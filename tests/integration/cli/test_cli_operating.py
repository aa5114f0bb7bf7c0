"""docs/operating.md: each command of it is one, and answers, with a fleet's record and a Cal.com behind it."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tests.support.audits.scene import Scene

GUIDE = (Path(__file__).parents[3] / "docs" / "operating.md").read_text("utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
COMMANDS = list(dict.fromkeys(line for block in BLOCKS for line in block.splitlines()))
ENDLESS = {"booking status --watch"}
NAMED = sorted({*re.findall(r"`(booking [a-z][^`]*)`", GUIDE), *ENDLESS})


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings(ALERT_URLS="")
    return Scene(record, simulator)


def typed(command: str, scene: Scene) -> list[str]:
    """Put a booking that is there in the place of the words in capitals."""
    row = scene.record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    made = scene.post(row)
    day = f"{scene.first:%Y-%m-%d}"
    words = {"ID": str(row.id), "KEY": row.idempotency_key, "UID": made["uid"], "DAY": day, "NAME": "default"}
    return [words.get(word, word) for word in shlex.split(command)[1:]]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ENDLESS])
def test_each_command_of_the_guide_answers(scene: Scene, call: Callable[..., Any], command: str) -> None:
    """Done, or a problem found: never a usage that is wrong."""
    assert command.startswith("booking ")
    ran = call(*typed(command, scene))
    assert ran.code in (0, 1), ran.err
    assert ran.said.strip()


@pytest.mark.parametrize("command", NAMED)
def test_each_command_that_it_names_exists(call: Callable[..., Any], command: str) -> None:
    """With the options that it is named with."""
    words = shlex.split(command)[1:]
    path = words[:2] if words[0] in {"accounts", "breaker", "keys"} else words[:1]
    ran = call(*path, "--help")
    assert ran.code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in ran.out, command


def test_it_tells_of_all_that_is_asked_for_at_night() -> None:
    """By the symptom as who is woken says it; with what to type, where on the page, and what good looks like."""
    titles = re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)
    for symptom in (
        "breaker is stuck open",
        "Holds grow",
        "Nothing moves",
        "says he is booked",
        "Two messages",
        "silent",
    ):
        assert any(symptom in title for title in titles), symptom
        part = next(part for part in GUIDE.split("\n## ") if symptom in part.partition("\n")[0])
        assert "```\nbooking " in part, symptom
        assert "on the page" in part.lower(), symptom
        assert "**Good:**" in part, symptom

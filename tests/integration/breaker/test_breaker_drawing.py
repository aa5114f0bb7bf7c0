"""The drawing of the breaker's states, at the head of its Lua and in docs/states.md, is what the Lua does."""

import re
from pathlib import Path

import pytest
import redis

from resilience.circuit_breaker.types import OperatorOverride, OverrideKind, State
from resilience.shared_state import scripts
from tests.breaker_model.actors import CLIENTS
from tests.breaker_model.scope import Caller
from tests.breaker_model.walk import walk

STATES_MD = Path(__file__).parents[3] / "docs" / "states.md"
ARROW = re.compile(r"(\S+) --> (\S+): [^()]+ \(([^()]+)\)")
FRESH = ("begun", "restored")
"""Reasons of changes out of nothing, which the stream tells of as out of closed, or out of what an old snapshot has."""
Arrow = tuple[str, str, str]


def drawn() -> list[str]:
    """Read the arrows at the head of the Lua."""
    head = scripts.read("lib/state_machine").partition("\n-- KEYS")[0]
    return [line.removeprefix("--").strip() for line in head.splitlines() if "-->" in line]


def named(line: str) -> set[Arrow]:
    """Read an arrow: from, to, reason; one of each state where it begins at `any`."""
    found = ARROW.fullmatch(line)
    assert found, line
    old, new, reasons = found.groups()
    return {(begin, new, reason) for begin in (State if old == "any" else (old,)) for reason in reasons.split(", ")}


def test_the_document_shows_the_drawing_of_the_code() -> None:
    """A change of one is a change of the other."""
    section = STATES_MD.read_text("utf-8").partition("# The circuit breaker")[2]
    assert [line.strip() for line in section.splitlines() if "-->" in line] == drawn()


@pytest.mark.long
def test_each_arrow_is_taken_and_no_other(redis_url: str) -> None:
    """A long life of a breaker, of one account or of three, makes all of these changes, and none that is not drawn."""
    seen: set[Arrow] = set()
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        for seed in range(8):
            both = walk(client, scripts.assemble, seed=seed, steps=400)
            seen |= both.taken | both.arrows()
        for state in (
            State.OPEN,
            State.HALF_OPEN,
            State.FORCED_OPEN,
            State.OFF,
        ):  # a walk seldom restores each, and seldom switches each off
            at = Caller("create", "key-a", "here", CLIENTS[0], both.now)
            both.forget(at, everything=True)
            both.restore(at, (0, 1), [("", state, 0, 0, 1)], [])
            both.override(at, OperatorOverride(OverrideKind.OFF, "op", "why"))
            seen |= both.arrows()
    taken = {_as_drawn(*arrow) for arrow in seen}
    assert taken == set().union(*map(named, drawn()))


def _as_drawn(old: str, new: str, reason: str) -> Arrow:
    if reason in FRESH:
        assert old == State.CLOSED or reason == "restored"
        return "[*]", new, reason
    return old, new, "the error type" if reason in ("timeout", "http_503") else reason

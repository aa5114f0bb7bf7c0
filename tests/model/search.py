"""Search a model breadth first, to its end: the shortest way to a broken promise, or the proof that there is none."""

import gc
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple, Protocol

BOUND = 1_000_000  # states; a search that meets it proves nothing
TICK = "a tick"


class Kind(StrEnum):
    """Whose step it is."""

    FAIR = "fair"  # comes sooner or later while the world is well
    FAULT = "fault"  # may come or not: something fails, or somebody interferes
    OPERATOR = "operator"


class Step(NamedTuple):
    """What happens, in words (`{}` is the worker), and the state it leads to."""

    text: str
    kind: Kind
    world: Any
    worker: int | None = None


class Machine(Protocol):
    """Describe what is searched."""

    def searched(self) -> AbstractContextManager[None]:
        """Have everything in place that its steps need, until the block ends."""

    def beginnings(self) -> Iterable[Step]:
        """Yield the first states."""

    def following(self, world: Any, /) -> Iterable[Step]:
        """Yield every step out of a state."""

    def canonical(self, world: Any, /) -> Hashable:
        """Return the one state that stands for all with the same future."""

    def describe(self, step: Step, world: Any, /) -> tuple[str, Any]:
        """Return the words of a step for a trace, and the state from which the trace goes on."""


Wrong = Callable[[Any], str | None]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Stop the collector: states and ways have no cycles, and it would walk them again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@dataclass
class Found:
    """What a search has seen; `complete` says that nothing was left to see."""

    machine: Machine
    states: list[Any] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    fair: list[list[int]] = field(default_factory=list)
    ordered: list[list[int]] = field(default_factory=list)
    complete: bool = False
    broken: str | None = None

    @_uncollected()
    def stuck(self, goal: Callable[[Any], bool], *, operator: bool) -> list[Any]:
        """Return the states from which no fair steps (and the operator's) lead to the goal."""
        reached = [goal(state) for state in self.states]
        ways = [ends + more for ends, more in zip(self.fair, self.ordered, strict=True)] if operator else self.fair
        # Most ways lead to states that were found later, so from the end a look or two are enough.
        left = [number for number in reversed(range(len(reached))) if not reached[number]]
        looked_at: list[int] = []
        while len(left) != len(looked_at):
            looked_at, left = left, []
            for number in looked_at:
                if any(reached[end] for end in ways[number]):
                    reached[number] = True
                else:
                    left.append(number)
        return [self.states[number] for number in reversed(left)]

    def trace(self) -> list[str]:
        """Tell the way to the last state; ticks in a row are one line."""
        machine = self.machine
        way = [len(self.states) - 1]
        while self.parents[way[-1]] >= 0:
            way.append(self.parents[way[-1]])
        lines: list[str] = []
        options = machine.beginnings()
        for number in reversed(way):
            step = next(step for step in options if machine.canonical(step.world) == self.states[number])
            text, world = machine.describe(step, self.states[number])
            lines.append(text)
            options = machine.following(world)
        return [line for text, run in groupby(lines) for line in _together(text, len(list(run)))]


def _together(text: str, count: int) -> list[str]:
    if count == 1 or not text.startswith(TICK):
        return [text] * count
    return [text.replace(TICK, f"{count} ticks")]


def search(machine: Machine, *, wrong: Wrong, live: bool = False) -> Found:
    """Visit every state that can be reached, or stop at the first that is wrong. `live` keeps the ways on."""
    found = Found(machine)
    with _uncollected(), machine.searched():
        _visit_all(found, wrong, live=live)
    return found


def _visit_all(found: Found, wrong: Wrong, *, live: bool) -> None:
    machine, states, parents = found.machine, found.states, found.parents
    canonical = machine.canonical
    seen: dict[Any, int] = {}

    def visit(step: Step, parent: int) -> int:
        world = canonical(step.world)
        number = seen.setdefault(world, len(states))
        if number == len(states):
            states.append(world)
            parents.append(parent)
            found.broken = found.broken or wrong(world)
        return number

    for step in machine.beginnings():
        visit(step, -1)
    here = 0
    while here < len(states) <= BOUND:
        fair: set[int] = set()
        ordered: set[int] = set()
        for step in machine.following(states[here]):
            number = visit(step, here)
            if found.broken:
                return
            if step.kind is Kind.FAIR:
                fair.add(number)
            elif step.kind is Kind.OPERATOR:
                ordered.add(number)
        if live:
            found.fair.append(sorted(fair))
            found.ordered.append(sorted(ordered))
        here += 1
    found.complete = here == len(states)

"""Search the model breadth first, to its end: the shortest way to a broken promise, or the proof that there is none."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from tests.promises.model import world_steps
from tests.promises.model.properties import broken
from tests.promises.model.state import Phase, Rules, World, same, tidy
from tests.promises.model.worker_steps import Kind, Step, Steps

BOUND = 1_000_000  # states; a search that meets it proves nothing
NAMES = "AB"


@dataclass
class Found:
    """What a search has seen; `complete` says that nothing was left to see."""

    rules: Rules
    states: list[World] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    fair: list[list[int]] = field(default_factory=list)
    ordered: list[list[int]] = field(default_factory=list)
    complete: bool = False
    broken: str | None = None

    def stuck(self, goal: Callable[[World], bool], *, operator: bool) -> list[World]:
        """Return the states from which no fair steps (and the operator's) lead to the goal."""
        before: list[list[int]] = [[] for _ in self.states]
        for start, ends in enumerate(self.fair):
            for end in ends + self.ordered[start] if operator else ends:
                before[end].append(start)
        reached = [goal(state) for state in self.states]
        todo = [number for number, there in enumerate(reached) if there]
        while todo:
            for start in before[todo.pop()]:
                if not reached[start]:
                    reached[start] = True
                    todo.append(start)
        return [state for state, there in zip(self.states, reached, strict=True) if not there]

    def trace(self) -> list[str]:
        """Tell the way to the last state; the workers keep their names, and ticks in a row are one line."""
        way = [len(self.states) - 1]
        while self.parents[way[-1]] >= 0:
            way.append(self.parents[way[-1]])
        told: list[str] = []
        options = world_steps.beginnings()
        for number in reversed(way):
            step, world = next(
                (step, after) for step in options if same(after := tidy(step.world, self.rules)) == self.states[number]
            )
            told.append(_told(step, world))
            options = following(world, self.rules)
        return [line for text, run in groupby(told) for line in _together(text, len(list(run)))]


def _together(text: str, count: int) -> list[str]:
    if count == 1 or not text.startswith(world_steps.TICK):
        return [text] * count
    return [text.replace(world_steps.TICK, f"{count} ticks")]


def _told(step: Step, world: World) -> str:
    if step.text == world_steps.TICK:
        frozen = [name for name, one in zip(NAMES, world.workers, strict=True) if one.phase == Phase.CHECKED]
        return step.text + "".join(f"; {name} is frozen" for name in frozen)
    return step.text.format("" if step.worker is None else NAMES[step.worker])


def search(rules: Rules, *, wrong: Callable[[World], str | None] = broken, live: bool = False) -> Found:
    """Visit every state that can be reached, or stop at the first that is wrong. `live` keeps the ways on."""
    found = Found(rules)
    collecting = gc.isenabled()
    gc.disable()  # states have no cycles: the collector would only walk them again and again
    try:
        _visit_all(found, wrong, live=live)
    finally:
        if collecting:
            gc.enable()
    return found


def _visit_all(found: Found, wrong: Callable[[World], str | None], *, live: bool) -> None:
    rules, states, parents = found.rules, found.states, found.parents
    seen: dict[World, int] = {}

    def visit(step: Step, parent: int) -> int:
        world = same(tidy(step.world, rules))
        number = seen.setdefault(world, len(states))
        if number == len(states):
            states.append(world)
            parents.append(parent)
            found.broken = found.broken or wrong(world)
        return number

    for step in world_steps.beginnings():
        visit(step, -1)
    here = 0
    while here < len(states) <= BOUND:
        ways: dict[Kind, set[int]] = {kind: set() for kind in Kind}
        for step in following(states[here], rules):
            ways[step.kind].add(visit(step, here))
            if found.broken:
                return
        if live:
            found.fair.append(sorted(ways[Kind.FAIR]))
            found.ordered.append(sorted(ways[Kind.OPERATOR]))
        here += 1
    found.complete = here == len(states)


def following(world: World, rules: Rules) -> Iterator[Step]:
    """Yield every step out of a state."""
    one, other = world.workers
    for place in (0,) if one == other else (0, 1):
        yield from Steps(world, place, rules).all()
    yield from world_steps.steps(world, rules)

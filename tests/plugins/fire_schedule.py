"""The schedule of a run: which faults strike, in which order, with what chance of their own; all of it from one seed.

Two lanes strike side by side, so that faults also meet each other: one hurts what the product stands on, the other the
product's own processes and messages. Each lane deals all its faults, shuffled, before any comes again.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass

import fire_messages
import fire_processes
import fire_servers
from fire_servers import Strike

LANES: dict[str, dict[str, Strike]] = {
    "servers": fire_servers.FAULTS,
    "processes": {**fire_processes.FAULTS, **fire_messages.FAULTS},
}


@dataclass(frozen=True)
class Planned:
    """One fault to come; `seed` is what its own chance comes from."""

    lane: str
    fault: str
    seed: int


def plan(seed: int, faults: int, only: Collection[str] = ()) -> list[Planned]:
    """Return the faults of a run, lane by lane; `only` keeps those whose name begins with one of these.

    Raises:
        ValueError: None is left.
    """
    decks = {lane: [name for name in named if _wanted(name, only)] for lane, named in LANES.items()}
    total = sum(map(len, decks.values()))
    if not total:
        raise ValueError(f"no fault begins with any of: {', '.join(only)}")
    planned = []
    for lane, deck in decks.items():
        rng = random.Random(f"{seed} {lane}")  # noqa: S311 - chance for faults, not for secrets
        share = round(faults * len(deck) / total)
        dealt: list[str] = []
        while deck and len(dealt) < share:
            dealt += rng.sample(deck, k=len(deck))
        planned += [Planned(lane, name, rng.randrange(2**32)) for name in dealt[:share]]
    return planned


def _wanted(name: str, only: Collection[str]) -> bool:
    return not only or any(name.startswith(one) for one in only)

"""Hold the model to real runs: what it takes from one recording, it must foretell of the others."""

import math
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmarks.simulation.conditions import Costs
from benchmarks.simulation.fleet import Fleet
from benchmarks.simulation.recording import Recording
from benchmarks.simulation.trace import Measures, measure

RECORDED = Path(__file__).parent / "recorded"
CALIBRATION = RECORDED / "calibration.json"
ALLOWED = 0.2
SLOWEST_RELEASE = 1.0  # seconds
STEPS = 12


class Deviation(NamedTuple):
    """One figure of a run, simulated and real."""

    run: str
    name: str
    real: float
    simulated: float

    @property
    def share(self) -> float:
        """Return by which share of the real figure the simulated one is higher."""
        if self.real == self.simulated:
            return 0.0
        return (self.simulated - self.real) / self.real if self.real else math.inf

    @property
    def is_small(self) -> bool:
        """Return whether it is as small as it must be."""
        return abs(self.share) <= ALLOWED


def simulated(recording: Recording, costs: Costs) -> Measures:
    """Return the figures of a day as that recording's."""
    return measure(Fleet(recording.conditions, costs, random.Random(1)).run())  # noqa: S311 - the same chance every time


def calibrated(recording: Recording) -> Costs:
    """Return what steps cost in a run, with a release by which the drain is as fast: no clock sees it by itself."""
    low, high, costs = 0.0, SLOWEST_RELEASE, recording.costs
    for _ in range(STEPS):
        costs = replace(costs, release=(low + high) / 2)
        if simulated(recording, costs).drain_rate > recording.measures.drain_rate:
            low = costs.release
        else:
            high = costs.release
    return costs


def deviations(paths: Iterable[Path], costs: Costs) -> list[Deviation]:
    """Compare every figure of these recordings. Raises ValueError: one is no recording."""
    found = []
    for path in paths:
        recording = Recording.read(path)
        pairs = zip(Measures._fields, recording.measures, simulated(recording, costs), strict=True)
        found += [Deviation(path.stem, *figures) for figures in pairs]
    return found


def table(found: Iterable[Deviation]) -> str:
    """Print what was compared, a run after the other."""
    lines, run = [], ""
    for one in found:
        if one.run != run:
            run = one.run
            lines.append(f"{run:24}{'real':>10}{'simulated':>11}{'deviation':>11}")
        missed = "" if one.is_small else f"  more than {ALLOWED:.0%}"
        name = one.name.replace("_", " ")
        lines.append(f"  {name:22}{one.real:>10.5g}{one.simulated:>11.5g}{one.share:>+11.0%}{missed}")
    return "\n".join(lines)

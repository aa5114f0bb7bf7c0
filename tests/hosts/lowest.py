"""The lowest version of each package that our wheels allow: a caller books by them, and a worker's demo runs."""

import json
import shutil
from collections.abc import Iterator
from importlib.metadata import PathDistribution
from pathlib import Path
from zipfile import Path as ZipPath

from packaging.requirements import Requirement

from tests.hosts.environments import ROOT, Environment, Wrong, command

EXTRAS = ("accounts", "embedded", "http", "otel")
OURS = "booking-worker"


def lowest(*wheels: Path) -> tuple[str, ...]:
    """Return the lowest versions that the wheels allow; where two need one package, the first wheel's.

    Raises:
        Wrong: A package has no lower bound.
    """
    pins: dict[str, str] = {}
    for wheel in wheels:
        for needed in _needed(wheel):
            bounds = [one.version for one in needed.specifier if one.operator in {">=", "=="}]
            if not bounds:
                raise Wrong(f"{wheel.name} needs {needed}: it has no lower bound")
            wanted = f"[{','.join(sorted(needed.extras))}]" if needed.extras else ""
            pins.setdefault(needed.name, f"{needed.name}{wanted}=={bounds[0]}")
    return tuple(pins.values())


def judge_demo(environment: Environment) -> str:
    """Run the demo by the lowest versions; return its counts. Raises Wrong: one is not as it must be."""
    environment.make()
    environment.add_wheels()
    [site] = environment.folder.glob("lib/*/site-packages")
    shutil.copytree(ROOT / "examples", site / "examples")  # which no wheel has
    booking = environment.python.parent / "booking"
    told = json.loads(command([booking, "demo", "--json"], cwd=environment.folder).splitlines()[-1])
    if told["lost"] or told["double_booked"] or told["calls_while_open"] or not told["confirmed"]:
        raise Wrong(f"the demo by the lowest versions: {told}")
    return f"the demo by the lowest versions of {len(environment.packages)} packages: {told['confirmed']} booked"


def _needed(wheel: Path) -> Iterator[Requirement]:
    root = ZipPath(wheel)
    [metadata] = [one for one in root.iterdir() if one.name.endswith(".dist-info")]
    for line in PathDistribution(metadata).requires or ():  # type: ignore[arg-type] - a Path of a zip file will do
        needed = Requirement(line)
        is_asked = needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *EXTRAS))
        if is_asked and not needed.name.startswith(OURS):
            yield needed

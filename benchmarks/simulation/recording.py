"""A recorded run: its conditions, what its steps cost, and its figures, as a small JSON file."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple, Self

from benchmarks.simulation.conditions import Conditions, Costs
from benchmarks.simulation.trace import Measures


class Recording(NamedTuple):
    """A real run."""

    conditions: Conditions
    costs: Costs
    measures: Measures

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a recording. Raises ValueError: it is none."""
        try:
            known = json.loads(path.read_text("utf-8"))
            return cls(Conditions(**known["conditions"]), Costs.of(known["costs"]), Measures(**known["measures"]))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: is no recording ({error})") from error

    def write(self, path: Path) -> None:
        """Write it so that it can be read again."""
        measures = {name: round(value, 3) for name, value in self.measures._asdict().items()}
        known = {"conditions": asdict(self.conditions), "costs": self.costs.rounded(), "measures": measures}
        path.write_text(json.dumps(known, indent=2) + "\n", "utf-8")

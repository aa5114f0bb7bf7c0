"""What an exporter told over a while, as promtool takes it: one line of values a series."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from tests.support.prometheus.exporting import Series

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yml"
RECORDED = Path(__file__).parent / "recorded"
EVERY = 5  # seconds between two scrapes
_BUCKETS = ('le="20.0"', 'le="900.0"')
_METRIC = re.compile(r"\bbooking_\w+")


@dataclass
class Recording:
    """Samples of one scrape after the other; None: it failed. Moments count from its begin."""

    name: str
    fault: str
    begun_at: float  # seconds since 1970
    scrapes: list[Series | None] = field(default_factory=list)

    def save(self) -> Path:
        """Write it down, with the command that makes it again."""
        path = RECORDED / f"{self.name}.json"
        about = {"made_by": f"python -m tests.rules {self.name}", "fault": self.fault, "every_seconds": EVERY}
        told = {**about, "scrapes": len(self.scrapes), "series": dict(self.lines())}
        path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return path

    def lines(self) -> Iterator[tuple[str, str]]:
        """Return each series that a rule reads, and its values."""
        wanted = metrics_of_the_rules()
        names = {name for scrape in self.scrapes for name in scrape or {}}
        for name in sorted(names):
            metric = name.partition("{")[0]
            if metric in wanted and (not metric.endswith("_bucket") or any(one in name for one in _BUCKETS)):
                yield name, values(self._value(name, scrape) for scrape in self.scrapes)

    def _value(self, name: str, scrape: Series | None) -> float | None:
        value = (scrape or {}).get(name)
        if value is None or not name.partition("{")[0].endswith("_timestamp_seconds"):
            return value
        return value - self.begun_at


def metrics_of_the_rules() -> set[str]:
    """Return the names of what the rules read."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {name for group in groups for rule in group["rules"] for name in _METRIC.findall(rule["expr"])}


def values(samples: Iterable[float | None]) -> str:
    """Write samples as promtool reads them: `3x2` is 3 three times; what is told no more is stale, then missing."""
    words, was_there = [], False
    for value, same in groupby(samples, key=lambda one: None if one is None else round(one, 1)):
        count = len(list(same))
        if value is not None:
            words.append(f"{value:g}" if count == 1 else f"{value:g}x{count - 1}")
        elif was_there:
            words += ["stale", f"_x{count - 1}"] if count > 1 else ["stale"]
        else:
            words.append(f"_x{count}")
        was_there = value is not None
    return " ".join(words)


def read(name: str) -> dict[str, Any]:
    """Read one that was saved."""
    told: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    return told

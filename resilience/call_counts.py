"""What is counted of each call, in this process: `lua/counts.lua` once more, for the time in which Redis is gone."""

import re
from collections.abc import Mapping
from typing import NamedTuple

BUCKET = 10_000
"""Milliseconds that one bucket counts."""
SLOTS = 7
"""The last whole minute and the bucket being filled."""
_TOLD = re.compile(r"(\S+) (\S+) (\d+) (\d+) (\d+);")


class Rates(NamedTuple):
    """The calls of the last minute."""

    calls: int
    failures: int
    average_ms: float
    longest_ms: int


class CallCounts:
    """Count calls in a fixed number of buckets: "slot/endpoint" -> "stamp calls failures sum_ms longest_ms"."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def tally(self, told: str, now: int) -> None:
        """Add reports, each "endpoint error calls sum_ms longest_ms;"; the error of a success is `none`."""
        stamp = now // BUCKET
        for name, error, calls, total, longest in _TOLD.findall(told):
            field = f"{stamp % SLOTS}/{name}"
            old = [int(part) for part in self.fields.get(field, "-1 0 0 0 0").split()]
            if old[0] != stamp:
                old = [stamp, 0, 0, 0, 0]
            old[1] += int(calls)
            old[2] += 0 if error == "none" else int(calls)
            old[3] += int(total)
            old[4] = max(old[4], int(longest))
            self.fields[field] = " ".join(str(part) for part in old)


def rates(fields: Mapping[str, str], now: int) -> Rates:
    """Read the last minute, all endpoints together, out of the buckets' fields."""
    rows = [[int(part) for part in row.split()] for row in fields.values()]
    rows = [row for row in rows if 0 <= now // BUCKET - row[0] < SLOTS]
    calls, total = sum(row[1] for row in rows), sum(row[3] for row in rows)
    longest = max((row[4] for row in rows), default=0)
    return Rates(calls, sum(row[2] for row in rows), total / calls if calls else 0.0, longest)

"""How long calls took: counted by buckets, whose counts can be added up, and read as quantiles."""

import re
from collections.abc import Sequence
from typing import NamedTuple

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 30.0, 40.0)
"""Seconds: a call counts in the first bucket whose bound it does not exceed. Beyond the last one there is one more."""
_COUNT = re.compile(r"([a-mA-M])(\d+)")


class ResponseTimes(NamedTuple):
    """How many calls were how long: one count a bucket, and the last one for what was longer."""

    answered: tuple[int, ...]
    failed: tuple[int, ...]
    failed_ms: int
    """How long the failed ones took together."""

    @classmethod
    def parse(cls, failed_ms: str, counts: str) -> "ResponseTimes":
        """Read what lua/lib/call_stats.lua keeps of a window."""
        found = {letter: int(count) for letter, count in _COUNT.findall(counts)}
        answered, failed = (
            tuple(found.get(letter, 0) for letter in letters) for letters in ("abcdefghijklm", "ABCDEFGHIJKLM")
        )
        return cls(answered, failed, int(failed_ms))

    @property
    def counts(self) -> tuple[int, ...]:
        """The same of all calls."""
        return tuple(map(sum, zip(self.answered, self.failed, strict=True)))


def quantile(buckets: Sequence[int], share: float) -> float | None:
    """Return the seconds within which this share (0 to 1) of the calls ended; None: there was none.

    Within a bucket the calls count as spread evenly; of those beyond the last bound no more is known than that bound.
    """
    rank, before, low = share * sum(buckets), 0, 0.0
    if not any(buckets):
        return None
    for count, high in zip(buckets, BOUNDS, strict=False):
        if count and rank <= before + count:
            return low + (high - low) * (rank - before) / count
        before, low = before + count, high
    return BOUNDS[-1]

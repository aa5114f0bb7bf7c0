"""How long calls took: counts by bucket, which can be added up and read as quantiles."""

import re
from collections.abc import Sequence
from typing import NamedTuple

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 30.0, 40.0)
"""Seconds: a call counts in the first bucket whose bound it does not exceed; one more bucket has all longer calls."""
_COUNT = re.compile(r"([a-mA-M])(\d+)")


class ResponseTimes(NamedTuple):
    """The number of calls in each bucket; the last bucket has all longer calls."""

    answered: tuple[int, ...]
    failed: tuple[int, ...]
    failed_ms: int
    """The sum of the times of the failed calls, ms."""

    @classmethod
    def parse(cls, failed_ms: str, counts: str) -> "ResponseTimes":
        """Read the field "times" of a window (lua/lib/call_stats.lua)."""
        found = {letter: int(count) for letter, count in _COUNT.findall(counts)}
        answered, failed = (
            tuple(found.get(letter, 0) for letter in letters) for letters in ("abcdefghijklm", "ABCDEFGHIJKLM")
        )
        return cls(answered, failed, int(failed_ms))

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of all calls in each bucket."""
        return tuple(map(sum, zip(self.answered, self.failed, strict=True)))


def quantile(buckets: Sequence[int], share: float) -> float | None:
    """Return the seconds within which this share (0 to 1) of the calls ended; None: there was no call.

    The calls of a bucket count as evenly spread over it; a call beyond the last bound counts as that bound.
    """
    rank, before, low = share * sum(buckets), 0, 0.0
    if not any(buckets):
        return None
    for count, high in zip(buckets, BOUNDS, strict=False):
        if count and rank <= before + count:
            return low + (high - low) * (rank - before) / count
        before, low = before + count, high
    return BOUNDS[-1]

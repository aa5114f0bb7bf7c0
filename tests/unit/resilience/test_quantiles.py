"""Response times are read out of counts by buckets: never far from what was counted."""

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.call_stats.buckets import BOUNDS, ResponseTimes, quantile

COUNTS = st.lists(st.integers(0, 10**6), min_size=13, max_size=13)
SHARES = st.floats(0, 1)


def counted(times: list[float]) -> list[int]:
    """Count times, in seconds, by buckets."""
    counts = [0] * 13
    for seconds in times:
        counts[bisect_left(BOUNDS, seconds)] += 1
    return counts


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(0, 60), min_size=1, max_size=50), SHARES)
def test_a_quantile_lies_in_the_bucket_of_the_call_that_it_stands_for(times: list[float], share: float) -> None:
    """Of twenty calls the median is the tenth: as exact as its bucket; beyond the last bound it is that bound."""
    found = quantile(counted(times), share)
    rank = max(1, -int(-share * len(times) // 1))
    bucket = bisect_left(BOUNDS, sorted(times)[rank - 1])
    edges = (0.0, *BOUNDS, BOUNDS[-1])
    assert found is not None
    assert edges[bucket] <= found <= edges[bucket + 1]


@settings(deadline=None, derandomize=True)
@given(COUNTS, SHARES, SHARES)
def test_a_larger_share_is_never_quicker(counts: list[int], one: float, other: float) -> None:
    """p95 is at least p50; all within the bounds."""
    quick, slow = (quantile(counts, share) for share in sorted((one, other)))
    if sum(counts):
        assert quick is not None
        assert slow is not None
        assert 0 <= quick <= slow <= BOUNDS[-1]


@pytest.mark.parametrize(
    ("counts", "share", "seconds"),
    [
        ([0] * 13, 0.5, None),
        ([0, 0, 0, 0, 10, *[0] * 8], 0.5, 0.75),
        ([0, 0, 0, 0, 10, *[0] * 8], 1, 1.0),
        ([10, 0, 10, *[0] * 10], 0.5, 0.05),
        ([10, 0, 10, *[0] * 10], 0.75, 0.175),
        ([*[0] * 12, 5], 0.01, 40.0),
    ],
)
def test_within_a_bucket_calls_count_as_spread_evenly(counts: list[int], share: float, seconds: float | None) -> None:
    """None of nothing; half of those from 0.5 to 1 s took up to 0.75; beyond 40 s no more is known."""
    assert quantile(counts, share) == (None if seconds is None else pytest.approx(seconds))


@settings(deadline=None, derandomize=True)
@given(COUNTS, COUNTS, st.integers(0, 10**9))
def test_what_redis_keeps_of_a_window_is_read_whatever_its_order(
    answered: list[int], failed: list[int], failed_ms: int
) -> None:
    """A letter a bucket, capitals for those that failed; what is missing is none."""
    words = [f"{letter}{count}" for letter, count in zip("abcdefghijklm", answered, strict=True) if count]
    words += [f"{letter}{count}" for letter, count in zip("ABCDEFGHIJKLM", failed, strict=True) if count]
    read = ResponseTimes.parse(str(failed_ms), "".join(reversed(words)))
    assert read == ResponseTimes(tuple(answered), tuple(failed), failed_ms)
    assert read.counts == tuple(one + other for one, other in zip(answered, failed, strict=True))

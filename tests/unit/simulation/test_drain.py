"""The release window finds what a fleet can do, whatever fails: simulated, by the rules that the scripts keep."""

from dataclasses import replace

import pytest

from benchmarks.simulation.conditions import Costs
from benchmarks.simulation.drain import days, drained

COSTS = Costs(enter=0.05, leave=0.03, release=0.02, probe_lag=0.05, looks=4, worker=0.005, database=0.002, redis=0.0)
DAYS = days(16)
LONG_CALLS = 2.0  # seconds


@pytest.mark.parametrize("threads", [16, 128])
@pytest.mark.parametrize("name", DAYS)
def test_the_threads_are_at_work_and_little_lies_in_the_broker(name: str, threads: int) -> None:
    """Three quarters of the threads, and two seconds of work, once the window has settled; calls of 2 s."""
    found = drained(days(threads, LONG_CALLS)[name], COSTS)

    assert found.at_work >= 0.75
    assert found.backlog <= 2


@pytest.mark.variants(first=2)
@pytest.mark.parametrize("name", DAYS)
def test_short_calls_leave_no_thread_idle_either(name: str) -> None:
    """Calls of half a second, of 16 threads."""
    found = drained(DAYS[name], COSTS)

    assert found.at_work >= 0.75
    assert found.backlog <= 2


@pytest.mark.long
def test_a_window_that_is_not_used_does_not_grow() -> None:
    """Requests come one by one after the drain, as fast as a quarter of the fleet books them."""
    unused = replace(DAYS["all answered"], rate=8, bulk=1500, after=160)

    after = [drained(replace(unused, after=seconds), COSTS).window_after for seconds in (100, 160)]

    assert after[0] == after[1] > 16

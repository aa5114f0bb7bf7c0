"""The share of the rate limit that free times have: in any minute a fifth, so that bookings have the rest."""

import pytest

from resilience.call_limit import CallLimit
from worker.wiring import reading_share


@pytest.mark.parametrize(("rate", "at_once", "fifth"), [(120, 6, 24), (3, 1, 1)])
def test_readings_take_a_fifth_of_a_minutes_calls(rate: int, at_once: int, fifth: int) -> None:
    """Some at once; what comes back within the minute is counted with them."""
    now = 1_000.0
    may_read = reading_share(CallLimit("slots", None, clock=lambda: now), lambda _: rate)

    first = [may_read(None) for _ in range(2 * fifth)].count(True)
    later = 0
    for _ in range(599):
        now += 0.1
        later += may_read(None)

    assert (first, first + later) == (at_once, fifth)

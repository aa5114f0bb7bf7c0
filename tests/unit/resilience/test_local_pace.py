"""While Redis is gone each process lets the line go at the limit's pace, whenever it is asked. Time is simulated."""

from itertools import count

import pytest

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, Permit
from tests.support.breakers import CREATE, T0, make


def released(breaker: CircuitBreaker, every: float, *, seconds: float) -> int:
    """Release as much of an endless line as there is room for, once in `every` seconds; return how many went."""
    line = count()
    waiting = [next(line) for _ in range(100)]
    went = 0
    for tick in range(round(seconds / every)):
        gone = {int(item) for item in breaker.held_work.release(CREATE, waiting, now=T0 + tick * every).items}
        waiting = [item for item in waiting if item not in gone] + [next(line) for _ in gone]
        went += len(gone)
    return went


@pytest.mark.parametrize("limit", [10, 100, 600])
@pytest.mark.parametrize("every", [0.3, 0.98, 1.0, 1.03])
def test_the_line_goes_at_the_limits_pace(limit: int, every: float) -> None:
    """Beat's seconds are never whole ones: what one leaves over is the next one's."""
    assert 9 * limit <= released(make(rate_limit=limit), every, seconds=600) <= 10 * limit + 1


def test_a_line_that_was_not_asked_for_does_not_go_at_once() -> None:
    """A second's worth at most, however long nobody came."""
    breaker = make(rate_limit=600)
    released(breaker, 1, seconds=2)
    assert len(breaker.held_work.release(CREATE, range(1000, 1100), now=T0 + 60).items) == 10


def test_what_was_released_elsewhere_is_not_paced_once_more() -> None:
    """The process that lets the line go is seldom the one that books."""
    breaker = make(rate_limit=60)
    permits = [breaker.acquire(CREATE, owner=f"o{item}", item=item, now=T0) for item in range(5)]
    assert all(permits)


def test_in_half_open_one_is_released_a_second() -> None:
    """The probe is the first call that comes."""
    breaker = make(threshold=1, open_for=1, rate_limit=600)
    permit = breaker.acquire(CREATE, owner="one", now=T0)
    assert isinstance(permit, Permit)
    breaker.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout", now=T0)
    assert released(breaker, 0.5, seconds=1) == 0
    assert [len(breaker.held_work.release(CREATE, range(10), now=T0 + at).items) for at in (1.1, 1.5, 2.2)] == [1, 0, 1]

"""Promise 3 in the state that all processes share: one probe, no verdict about another time, a pace that rises."""

import pytest

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit, State
from resilience.shared_state.client import make_redis

CREATE = "bookings.create"
T0 = 1_800_000_000.0


@pytest.fixture
def two(redis_url: str) -> tuple[CircuitBreaker, CircuitBreaker]:
    """Two processes with the default settings, but for the limit and the patience with Redis."""
    settings = BreakerSettings(rate_limit=0)
    one, other = (
        CircuitBreaker("calcom", redis=make_redis(redis_url, timeout=5, connect_timeout=5), settings=settings)
        for _ in range(2)
    )
    return one, other


def ask(breaker: CircuitBreaker, owner: str, at: float, item: str | None = None) -> Permit:
    """Ask for a call that must be granted."""
    permit = breaker.acquire(CREATE, owner=owner, item=item, now=T0 + at)
    assert isinstance(permit, Permit)
    return permit


def outage(breaker: CircuitBreaker) -> None:
    """Make the five failures that open it, at second 0."""
    for number in range(5):
        permit = ask(breaker, f"failed{number}", 0)
        breaker.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout", now=T0)


def test_what_one_process_opened_is_shut_for_all(two: tuple[CircuitBreaker, CircuitBreaker]) -> None:
    """Not one call until OPEN is over, and then one probe."""
    one, other = two
    outage(one)

    answers = [other.acquire(CREATE, owner=f"o{at}", now=T0 + at) for at in (0, 1, 29, 30, 30)]

    assert [isinstance(answer, Permit) for answer in answers] == [False, False, False, True, False]


def test_failures_begun_before_an_outage_do_not_open_the_breaker_after_it(
    two: tuple[CircuitBreaker, CircuitBreaker],
) -> None:
    """Nine calls of one process hang all through the outage that another one sees begin and end."""
    slow, quick = two
    hanging = [ask(slow, f"slow{number}", 0) for number in range(9)]
    outage(quick)
    assert quick.record(ask(quick, "probe", 30), CallOutcome.SUCCESS, now=T0 + 31).closed

    told = [slow.record(call, CallOutcome.FAILURE_SERVICE, reason="timeout", now=T0 + 40) for call in hanging]

    assert {one.state for one in told} == {State.CLOSED}


def test_held_work_goes_at_a_pace_that_rises_from_one(two: tuple[CircuitBreaker, CircuitBreaker]) -> None:
    """However many wait, and whichever process asks: one, then two, then four."""
    one, other = two
    rounds = []
    for at in range(4):
        items = (one, other)[at % 2].held_work.release(CREATE, range(100), now=T0 + at).items
        rounds.append(len(items))
        for item in items:
            one.record(ask(one, f"{item}@{at}", at, item), CallOutcome.SUCCESS, now=T0 + at)

    assert rounds == [1, 2, 4, 8]

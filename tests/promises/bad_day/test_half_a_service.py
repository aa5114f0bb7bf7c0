"""Promise 3, where half of a service works: it is used, and an outage finds the breaker as calm as ever.

Half the hosts behind a balancer are dead: each call fails by a known chance. Times are the test's; nothing waits.
benchmarks/beside_celery/bad_day.py takes its time.
"""

import random
from collections.abc import Sequence

import pytest

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, Released
from tests.support.breakers import T0, ask, fail, make
from tests.support.stepped_calls import CREATE, GONE, SUCCESS, Calls

OPEN, THRESHOLD = 30, 5
SOON = OPEN // 10
A_TENTH = 0.1  # seconds between two callers


@pytest.fixture
def calls(redis_url: str) -> Calls:
    """Calls through a breaker that has seen nothing yet."""
    return Calls(redis_url)


@pytest.fixture
def breaker(redis_url: str) -> CircuitBreaker:
    """A breaker that has seen nothing yet."""
    return make(redis_url)


def spend(calls: Calls, seconds: float, outcomes: Sequence[CallOutcome], chance: random.Random) -> list[CallOutcome]:
    """Ask ten times a second; return what came of the calls that might go."""
    came = []
    for _ in range(round(seconds / A_TENTH)):
        calls.at += A_TENTH
        if permit := calls.ask():
            came.append(chance.choice(outcomes))
            calls.end(permit, came[-1])
    return came


@pytest.mark.long
def test_where_half_of_all_calls_fail_the_other_half_is_used(calls: Calls) -> None:
    """An OPEN a few seconds long, as often as five in a row fail: that leaves a third of the time, and not a tenth."""
    chance = random.Random(20)  # noqa: S311 - a known one

    came = spend(calls, 300, (SUCCESS, GONE), chance)

    assert len(came) > 3000 / 3
    assert came.count(SUCCESS) > len(came) / 3


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_an_outage_that_begins_in_a_half_dead_service_is_met_by_few_probes(calls: Calls, seed: int) -> None:
    """Five in a row, one probe each tenth of OPEN for as long as OPEN lasts, then one each OPEN."""
    chance = random.Random(seed)  # noqa: S311 - a known one
    spend(calls, 60, (SUCCESS, GONE), chance)

    came = spend(calls, 10 * OPEN, (GONE,), chance)

    assert len(came) <= THRESHOLD + OPEN / SOON + 10


def test_a_sudden_outage_is_left_alone_for_a_whole_open(breaker: CircuitBreaker) -> None:
    """A failure that passed longer ago than OPEN lasts says nothing of it."""
    fail(breaker, 0)
    breaker.record(ask(breaker, 1), SUCCESS, now=T0 + 1)
    fail(breaker, *(1 + OPEN for _ in range(THRESHOLD)))

    assert wait(breaker, 1 + OPEN) == OPEN


def test_a_success_between_failures_makes_open_a_tenth_of_its_length(breaker: CircuitBreaker) -> None:
    """A probe then tells soon, and a Retry-After is kept all the same."""
    fail(breaker, 0)
    breaker.record(ask(breaker, 1), SUCCESS, now=T0 + 1)
    fail(breaker, *(2 for _ in range(THRESHOLD)))

    assert wait(breaker, 2) == SOON
    breaker.record(ask(breaker, 2 + SOON), GONE, retry_after=7, now=T0 + 2 + SOON)
    assert wait(breaker, 2 + SOON) == 7


def test_a_success_before_a_clock_that_was_set_back_shortens_no_open(breaker: CircuitBreaker) -> None:
    """It seems to be yet to come."""
    fail(breaker, 3600)
    breaker.record(ask(breaker, 3600), SUCCESS, now=T0 + 3600)
    fail(breaker, *(0 for _ in range(THRESHOLD)))

    assert wait(breaker, 0) == OPEN


def test_in_a_half_dead_service_a_failure_leaves_as_many_under_way_as_open_the_breaker(breaker: CircuitBreaker) -> None:
    """One at a time, and each second one fails: nobody else's booking would ever come to its call."""
    [item] = release(breaker, 0).items
    permit = breaker.acquire(CREATE, owner="released", item=item, now=T0)
    assert permit
    fail(breaker, 0)
    breaker.record(ask(breaker, 0), SUCCESS, now=T0)

    breaker.record(permit, GONE, now=T0)

    assert len(release(breaker, 0).items) == THRESHOLD


def wait(breaker: CircuitBreaker, at: float) -> float | None:
    """Return how many seconds held work still waits."""
    return release(breaker, at).retry_after


def release(breaker: CircuitBreaker, at: float) -> Released:
    """Release as many as may go."""
    return breaker.held_work.release(CREATE, range(100), now=T0 + at)

"""Promise 3, where Cal.com books and only its answers do not come: more than one goes in each half-open window."""

from collections.abc import Callable
from typing import Any

import pytest

from db.appointments.event_types import ShownType, keep
from db.event_kind import EventKind
from db.lifecycle import Status
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, Permit, State
from tasks import dependencies
from tasks.calcom.access import CREATE
from tests.support.breakers import SERVICE, T0, ask, fail, make
from tests.support.fleet import eventually, request
from tests.support.stepping import POST, accept, carry

OPEN, THRESHOLD, ENOUGH = 30, 5, 6
PLAIN = 101
DONE, NOT_DONE = [True], [False]


@pytest.fixture
def breaker(redis_url: str) -> CircuitBreaker:
    """A breaker that has seen nothing yet."""
    return make(redis_url)


def let_go(breaker: CircuitBreaker) -> list[str]:
    """Open the breaker, wait until OPEN is over, and let what is held go."""
    fail(breaker, *(0 for _ in range(THRESHOLD)))
    return list(breaker.held_work.release(CREATE, range(100), now=T0 + OPEN).items)


def send(breaker: CircuitBreaker, item: str | None) -> Permit | None:
    """Ask for the call of an item that was let go; None: it must not go."""
    permit = breaker.acquire(CREATE, owner=f"sends {item}", item=item, now=T0 + OPEN)
    return permit if isinstance(permit, Permit) else None


@pytest.mark.parametrize(
    ("became", "go"),
    [
        (DONE * ENOUGH, THRESHOLD),
        (DONE * (ENOUGH - 1), 1),
        (DONE * ENOUGH + NOT_DONE, 1),
        (NOT_DONE + DONE * ENOUGH, THRESHOLD),
        (DONE * ENOUGH + NOT_DONE + DONE * (ENOUGH - 1), 1),
    ],
    ids=["six of six", "five", "the last was not", "the last six were", "one of the last six was not"],
)
def test_when_the_last_six_unclear_posts_were_done_several_go_in_a_window(
    breaker: CircuitBreaker, became: list[bool], go: int
) -> None:
    """One of them is the probe; what was not let go in this window waits for its result."""
    for done in became:
        breaker.held_work.turned_out(CREATE, done=done, now=T0)

    items = let_go(breaker)

    permits = [send(breaker, item) for item in items]
    assert (len(items), [permit is not None and permit.probe for permit in permits]) == (
        go,
        [True] + [False] * (go - 1),
    )
    assert None not in permits
    assert send(breaker, None) is None


def test_what_goes_beside_the_probe_says_nothing_of_the_service(breaker: CircuitBreaker) -> None:
    """Its failures open nothing and its successes close nothing: the probe decides, once."""
    for done in DONE * ENOUGH:
        breaker.held_work.turned_out(CREATE, done=done, now=T0)
    probe, *beside = (send(breaker, item) for item in let_go(breaker))

    outcomes = (CallOutcome.SUCCESS, SERVICE, SERVICE, CallOutcome.SUCCESS)
    states = [breaker.record(one, how, now=T0 + OPEN).state for one, how in zip(beside, outcomes, strict=True) if one]
    assert states == [State.HALF_OPEN] * (THRESHOLD - 1)
    assert probe is not None
    assert breaker.record(probe, SERVICE, now=T0 + OPEN).state is State.OPEN


def test_what_was_let_go_before_the_window_has_no_place_in_it(breaker: CircuitBreaker) -> None:
    """Its message lay in the broker while the breaker opened: the service was well when it was let go."""
    for done in DONE * ENOUGH:
        breaker.held_work.turned_out(CREATE, done=done, now=T0)
    [early, *_] = breaker.held_work.release(CREATE, range(3), now=T0).items
    fail(breaker, *(0 for _ in range(THRESHOLD)))
    assert ask(breaker, OPEN).probe

    assert send(breaker, early) is None


def room() -> int:
    """Open the breaker, and return how many held bookings may go in the half-open window."""
    breaker = dependencies.current().breaker
    for _ in range(THRESHOLD):
        breaker.record_failure("http_500", CREATE)
    eventually(lambda: breaker.get_status().endpoints[CREATE].state is State.HALF_OPEN, what="a probe may go")
    return breaker.held_work.count_releasable(CREATE).room


def test_lookups_tell_what_became_of_unclear_posts(settings: Callable[..., dict[str, str]], simulator: Any) -> None:
    """Six are found after a 503; the seventh is not booked, and its second POST books it."""
    settings(
        CIRCUIT_BREAKER_THRESHOLD=str(THRESHOLD), CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="0.2",
        CALCOM_SETTLE_ANSWERED_SECONDS="60", CALCOM_SETTLE_SECONDS="130",
    )  # fmt: skip
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        shown = ShownType(policy_kind=EventKind.PLAIN, confirms_free_email=False, personal=True, sight=True)
        keep(conn, deps.calcom.key_fingerprint, str(PLAIN), shown)
    *found, again = accept(*(request(number, PLAIN) for number in range(ENOUGH + 1)))
    simulator.faults("commit_then_status", name="unavailable", match=POST, count=ENOUGH)
    for one in found:
        assert carry(one).outcome_unknown
        deps.breaker.reset("operator", "its failures in a row")
        assert carry(one, after=1).status is Status.CONFIRMED
    assert room() == THRESHOLD

    deps.breaker.reset("operator", "a test")
    simulator.faults("status", name="unavailable", match=POST, count=1)
    assert carry(again).outcome_unknown
    assert carry(again, after=61).status is Status.CONFIRMED
    assert room() == 1

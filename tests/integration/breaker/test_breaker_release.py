"""Held work goes at a pace that rises from one."""

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, Permit, Reason, Recorded
from tests.support.breakers import Make

CREATE = "bookings.create"
T0 = 1_800_000_000.0
ITEMS = range(1, 101)


def release(breaker: CircuitBreaker, at: float = 0) -> list[str]:
    """Release as many as may go."""
    return list(breaker.held_work.release(CREATE, ITEMS, now=T0 + at).items)


def send(breaker: CircuitBreaker, item: str, outcome: CallOutcome = CallOutcome.SUCCESS, at: float = 0) -> Recorded:
    """Make the call of a released item."""
    permit = breaker.acquire(CREATE, owner=f"{item}@{at}", item=item, now=T0 + at)
    assert isinstance(permit, Permit), permit
    return breaker.record(permit, outcome, reason="timeout", now=T0 + at)


def round_of(breaker: CircuitBreaker, at: float = 0) -> int:
    """Release what may go and send it all."""
    items = release(breaker, at)
    for item in items:
        send(breaker, item, at=at)
    return len(items)


def test_one_then_two_then_four_up_to_the_maximum(make: Make) -> None:
    """The window doubles with each round of successes."""
    breaker = make(release_max=20)
    assert [round_of(breaker) for _ in range(6)] == [1, 2, 4, 8, 16, 20]


def test_a_failure_makes_it_one_again(make: Make) -> None:
    """No second outage because of the ramp."""
    breaker = make()
    for _ in range(4):
        round_of(breaker)
    first, *others = release(breaker)
    send(breaker, first, CallOutcome.FAILURE_SERVICE)
    for item in others:
        breaker.held_work.give_back(CREATE, item)
    assert len(release(breaker)) == 1


def test_what_is_in_flight_takes_its_place(make: Make) -> None:
    """Asked every second while calls hang, it lets no more go than the window holds."""
    breaker = make()
    round_of(breaker)
    assert len(release(breaker)) == 2
    answer = breaker.held_work.release(CREATE, ITEMS, now=T0)
    assert (answer.items, answer.reason) == ((), Reason.IN_FLIGHT)


def test_the_report_says_how_many_more_may_go(make: Make) -> None:
    """The worker that ends one sends the next, without asking."""
    breaker = make()
    (item,) = release(breaker)
    assert send(breaker, item).room == 2


def test_an_item_is_not_given_to_two_releasers(make: Make) -> None:
    """Both picked the oldest; one gets it."""
    breaker = make()
    round_of(breaker)
    assert breaker.held_work.release(CREATE, [1], now=T0).items == ("1",)
    assert breaker.held_work.release(CREATE, [1, 2], now=T0).items == ("2",)


def test_one_in_half_open_and_none_while_open(make: Make) -> None:
    """The probe is a released item, and it goes alone."""
    breaker = make(threshold=1)
    send(breaker, "0", CallOutcome.FAILURE_SERVICE)
    shut = breaker.held_work.release(CREATE, ITEMS, now=T0 + 29)
    assert (shut.items, shut.reason, shut.retry_after) == ((), Reason.BREAKER_OPEN, 1)
    assert release(breaker, 30) == ["1"]
    assert release(breaker, 30) == []
    recorded = send(breaker, "1", at=31)
    assert (recorded.closed, recorded.room) == (True, 1)


def test_after_a_change_of_state_it_begins_with_one(make: Make) -> None:
    """What was earned before the outage says nothing about now."""
    breaker = make(threshold=1)
    for _ in range(5):
        round_of(breaker)
    send(breaker, "0", CallOutcome.FAILURE_SERVICE)
    assert [round_of(breaker, at) for at in (30, 31, 32)] == [1, 1, 2]


def test_a_released_item_that_never_comes_back_frees_its_place_with_its_lease(make: Make) -> None:
    """Its worker was killed, or its message lost."""
    breaker = make(permit_lease=50)
    assert release(breaker) == ["1"]
    assert release(breaker, 49.999) == []
    assert release(breaker, 50) == ["1"]


def test_an_item_that_is_denied_frees_its_place(make: Make) -> None:
    """It is held again; nobody waits for it."""
    breaker = make(threshold=1)
    (item,) = release(breaker)
    permit = breaker.acquire(CREATE, owner="other", now=T0)
    assert isinstance(permit, Permit)
    breaker.record(permit, CallOutcome.FAILURE_SERVICE, now=T0)
    assert not breaker.acquire(CREATE, owner="denied", item=item, now=T0 + 1)
    assert breaker.get_status(now=T0 + 1).waiting == 0


def test_no_more_are_released_than_the_rate_limit_lets_go(make: Make) -> None:
    """Released ones that have not asked yet are counted."""
    breaker = make(rate_limit=40, rate_burst=3)
    for _ in range(2):
        breaker.record(_granted(breaker, 0), CallOutcome.SUCCESS, now=T0)
    breaker.held_work.release(CREATE, [], now=T0)
    assert len(release(breaker)) == 1
    assert breaker.held_work.release(CREATE, ITEMS, now=T0).room == 0


def test_asking_for_the_quota_takes_nothing(make: Make) -> None:
    """A beat may ask as often as it likes."""
    breaker = make()
    assert [breaker.held_work.count_releasable(CREATE, now=T0).room for _ in range(3)] == [1, 1, 1]


def _granted(breaker: CircuitBreaker, at: float) -> Permit:
    permit = breaker.acquire(CREATE, owner=f"direct{at}", now=T0 + at)
    assert isinstance(permit, Permit)
    return permit

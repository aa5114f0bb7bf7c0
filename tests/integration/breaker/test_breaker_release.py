"""Held work goes at a pace that rises from one to what the workers can do, and falls with failures."""

import pytest

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, Permit, Reason, Recorded
from tests.support.breakers import Make

CREATE = "bookings.create"
T0 = 1_800_000_000.0
ITEMS = range(1, 101)


def release(breaker: CircuitBreaker, at: float = 0) -> list[str]:
    """Release as many as may go."""
    return list(breaker.held_work.release(CREATE, ITEMS, now=T0 + at).items)


def take(breaker: CircuitBreaker, item: str, at: float = 0, **how: int) -> Permit:
    """Begin the call of a released item."""
    permit = breaker.acquire(CREATE, owner=f"{item}@{at}", item=item, now=T0 + at, **how)
    assert isinstance(permit, Permit), permit
    return permit


def send(breaker: CircuitBreaker, item: str, outcome: CallOutcome = CallOutcome.SUCCESS, at: float = 0) -> Recorded:
    """Make the call of a released item."""
    return breaker.record(take(breaker, item, at), outcome, reason="timeout", now=T0 + at)


def window(breaker: CircuitBreaker, at: float = 0) -> int:
    """Return the size of the window."""
    return breaker.get_status(now=T0 + at).window


def grown(breaker: CircuitBreaker, size: int) -> list[str]:
    """Have the window grow to so many places, and return as many items, all under way."""
    going = release(breaker)
    while len(going) < size:
        send(breaker, going.pop(0))
        going += release(breaker)
    return going


def round_of(breaker: CircuitBreaker, at: float = 0) -> int:
    """Release what may go and send it all."""
    items = release(breaker, at)
    for item in items:
        send(breaker, item, at=at)
    return len(items)


@pytest.mark.parametrize(("ceiling", "sizes"), [(20, [1, 2, 4, 8, 16, 20]), (0, [1, 2, 4, 8, 16, 32])])
def test_one_then_two_then_four_up_to_the_ceiling(make: Make, ceiling: int, sizes: list[int]) -> None:
    """The window doubles with each round of successes, as long as what ends makes room for the next."""
    breaker = make(release_max=ceiling)
    going, seen = release(breaker), []
    for _ in sizes:
        seen.append(len(going))
        ended, going = going, []
        for item in ended:
            send(breaker, item)
            going += release(breaker)
    assert seen == sizes


def test_it_grows_only_while_half_of_it_is_under_way(make: Make) -> None:
    """Who comes after the drain, one by one, is no reason to let more go at once the next time."""
    breaker = make()
    for item in grown(breaker, 8):
        send(breaker, item)
    before = window(breaker)
    for _ in range(50):
        breaker.held_work.release(CREATE, [1], now=T0 + 1)
        send(breaker, "1", at=1)
    assert window(breaker) == before == 16


@pytest.mark.parametrize(("after", "size"), [(0.25, 9), (0.251, 8)])
def test_it_grows_only_while_each_is_taken_at_once(make: Make, after: float, size: int) -> None:
    """What waits in the broker is more than the workers can do."""
    breaker = make()
    first, *others = grown(breaker, 8)
    for item in others:
        take(breaker, item)
    send(breaker, first, at=after)
    assert window(breaker) == size


@pytest.mark.parametrize(("after", "sizes"), [(0.25, [16, 32]), (0.251, [10, 13])])
def test_it_grows_to_a_quarter_more_than_were_sent_when_one_waited(make: Make, after: float, sizes: list[int]) -> None:
    """A success comes a call later than its item was taken. With more threads more are sent, and it grows again."""
    breaker = make()
    *items, last = grown(breaker, 8)
    permits = [take(breaker, item) for item in items] + [take(breaker, last, after)]
    for size in sizes:
        again = [item for permit in permits for item in _ended(breaker, permit)]
        assert window(breaker, 1) == size
        permits = [take(breaker, item, 1) for item in again]


def _ended(breaker: CircuitBreaker, permit: Permit) -> list[str]:
    breaker.record(permit, CallOutcome.SUCCESS, now=T0 + 1)
    return release(breaker, 1)


@pytest.mark.parametrize(("after", "size"), [(2, 8), (2.001, 4)])
def test_it_is_halved_if_one_is_taken_late(make: Make, after: float, size: int) -> None:
    """And once for all that were released before."""
    breaker = make()
    first, second, *_ = grown(breaker, 8)
    take(breaker, first, after)
    take(breaker, second, after)
    assert window(breaker) == size


def test_what_is_looked_up_first_is_taken_with_the_lookup(make: Make) -> None:
    """A lookup takes its seconds: the worker is at work all the while."""
    breaker = make()
    first, *_ = grown(breaker, 8)
    permit = take(breaker, first, 3, taken_at=int(T0 * 1000) + 100)
    breaker.record(permit, CallOutcome.SUCCESS, now=T0 + 4)
    assert window(breaker) == 9


def test_failures_halve_it_once_for_all_that_were_released_before(make: Make) -> None:
    """Otherwise three failures of a hundred calls would keep a fleet idle."""
    breaker = make()
    first, second, third, *others = grown(breaker, 16)
    for item in (first, second, third):
        send(breaker, item, CallOutcome.FAILURE_ENDPOINT, at=0.1)
    assert window(breaker) == 8
    for item in others:
        breaker.held_work.give_back(CREATE, item, now=T0 + 0.2)
    later, *_ = release(breaker, 0.2)
    send(breaker, later, CallOutcome.FAILURE_SERVICE, at=0.2)
    assert window(breaker) == 4


def test_one_that_nobody_takes_makes_it_one_again(make: Make) -> None:
    """There may be no worker any more."""
    breaker = make(permit_lease=50)
    _, *others = grown(breaker, 8)
    for item in others:
        breaker.held_work.give_back(CREATE, item, now=T0)
    assert len(others) == 7
    assert len(release(breaker, 50)) == 1


@pytest.mark.parametrize(("sent", "size"), [(3, 5), (8, 1)])
def test_each_whose_sender_is_gone_makes_it_one_smaller(make: Make, sent: int, size: int) -> None:
    """The threads that were killed are known to be gone when the leases of their calls end."""
    breaker = make(permit_lease=50)
    items = grown(breaker, 8)
    for item in items[:sent]:
        take(breaker, item)
    for item in items[sent:]:
        breaker.held_work.give_back(CREATE, item, now=T0)
    assert len(release(breaker, 50)) == size


@pytest.mark.parametrize(("answered", "size"), [(100, 9), (251, 8), (2001, 4), (0, 8)])
def test_a_lookup_that_was_answered_counts_as_a_success(make: Make, answered: int, size: int) -> None:
    """A line of bookings that are only looked up goes as fast as others."""
    breaker = make()
    first, *_ = grown(breaker, 8)
    at = answered and int(T0 * 1000) + answered
    breaker.held_work.give_back(CREATE, first, answered_at=at, now=T0 + 3)
    assert window(breaker) == size


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

"""What an answer tells of Cal.com's limit, and what may go after it, part by part. Time is simulated."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, QuotaHeaders, Reason
from resilience.shared_state.client import make_redis
from tests.support.breakers import CREATE

T0 = 1_800_000_000.0
LIMIT = 60
EDGE = 0.3  # seconds after the end of a window, as told: a call is on its way before it is counted


@dataclass
class Line:
    """One process whose moments are seconds since the test began."""

    breaker: CircuitBreaker
    owners: "count[int]" = field(default_factory=count)

    def ask(self, at: float) -> Permit | Denied:
        """Ask for a call."""
        return self.breaker.acquire(CREATE, owner=f"o{next(self.owners)}", now=T0 + at)

    def send(self, at: float) -> Permit:
        """Ask for a call that may go."""
        permit = self.ask(at)
        assert isinstance(permit, Permit)
        return permit

    def refused(self, at: float) -> Denied:
        """Ask for a call that may not go."""
        denial = self.ask(at)
        assert isinstance(denial, Denied)
        assert denial.reason is Reason.THROTTLED
        return denial

    def room(self, at: float) -> int:
        """Ask until nothing may go; return how many went, 200 at most."""
        return next((number for number in range(200) if not self.ask(at)), 200)

    def left(self, at: float) -> tuple[int | None, float | None]:
        """Ask how many calls are left, and until when."""
        seen = self.breaker.get_status(now=T0 + at)
        return seen.limit_left, None if seen.limit_until is None else seen.limit_until / 1000 - T0

    def report(self, permit: Permit, at: float, remaining: int, reset: float, *, limit: int = LIMIT) -> None:
        """Report an answer, and what it told."""
        headers = QuotaHeaders(limit, remaining, reset)
        self.breaker.record(permit, CallOutcome.SUCCESS, quota_headers=headers, now=T0 + at)

    def throttled(self, permit: Permit, at: float, retry_after: float | None) -> None:
        """Report a 429."""
        self.breaker.record(permit, CallOutcome.THROTTLED, reason="throttled", retry_after=retry_after, now=T0 + at)


@pytest.fixture
def join(redis_url: str) -> Callable[..., Line]:
    """Make a line whose own limit is none, unless the test gives one."""

    def make(**settings: int) -> Line:
        given = BreakerSettings(**{"rate_limit": 0, **settings})
        client = make_redis(redis_url, timeout=30, connect_timeout=30)
        return Line(CircuitBreaker("calcom", redis=client, settings=given))

    return make


@pytest.fixture
def line(join: Callable[..., Line]) -> Line:
    """Make the line that most tests need."""
    return join()


def test_a_window_ends_as_long_after_its_call_was_sent_as_the_answer_tells(line: Line) -> None:
    """The answer took five seconds and is as old; and no call may arrive before the end."""
    line.report(line.send(0), 5, remaining=3, reset=20)
    assert line.refused(5).retry_after == pytest.approx(15 + EDGE)
    line.refused(20 + EDGE - 0.01)
    line.send(20 + EDGE)


@pytest.mark.parametrize(("limit", "left"), [(1, 1), (2, 1), (10, 1), (60, 3), (120, 6)])
def test_a_twentieth_of_what_cal_com_allows_is_left_to_others(line: Line, limit: int, left: int) -> None:
    """At least one call, at most all but one: of a limit of one our own call is that one."""
    line.report(line.send(0), 0.1, remaining=limit - 1, reset=60, limit=limit)
    assert line.room(1) == max(0, limit - 1 - left)


@pytest.mark.parametrize("ours", [0, 1_000, 100_000])
def test_our_own_setting_however_large_leaves_others_no_more(join: Callable[..., Line], ours: int) -> None:
    """An operator's way to say that there is none starves nobody."""
    line = join(rate_limit=ours)
    line.report(line.send(0), 0.1, remaining=23, reset=60)
    assert line.room(1) == 20


def test_what_is_in_flight_is_not_counted_by_cal_com_yet(line: Line) -> None:
    """Of ten calls one is answered: nine may come before the next."""
    line.report(line.send(0), 0.1, remaining=59, reset=60)
    flying = [line.send(1) for _ in range(10)]
    line.report(flying[0], 2, remaining=20, reset=58)
    assert line.room(2) == 20 - 9 - 3


def test_an_answer_that_was_overtaken_tells_of_no_more_calls(line: Line) -> None:
    """Within a window Cal.com only counts up."""
    line.report(line.send(0), 0.1, remaining=59, reset=60)
    early, late = line.send(1), line.send(1)
    line.report(late, 2, remaining=10, reset=59)
    line.report(early, 3, remaining=40, reset=59)
    assert line.room(3) == 10 - 3


def test_an_answer_of_a_window_that_is_over_tells_nothing(line: Line) -> None:
    """It was sent before the window's end and came after."""
    first = line.send(0)
    line.report(first, 0.1, remaining=59, reset=10)
    slow = line.send(1)
    line.report(line.send(10 + EDGE), 10.5, remaining=59, reset=60)
    line.report(slow, 11, remaining=0, reset=9)
    assert line.room(11) == 59 - 3


def test_an_answer_of_a_later_window_is_believed(line: Line) -> None:
    """Cal.com has begun to count again before we thought so."""
    line.report(line.send(0), 0.1, remaining=59, reset=60)
    one, other = line.send(1), line.send(1)
    line.report(one, 2, remaining=4, reset=59)
    line.refused(2)
    line.report(other, 3, remaining=50, reset=75)
    assert line.room(3) == 50 - 3


def test_after_a_window_that_was_used_up_one_call_goes_first(line: Line) -> None:
    """It tells what is left of the new one, in which others may have been quicker."""
    line.report(line.send(0), 1, remaining=3, reset=20)
    line.refused(2)
    scout = line.send(20 + EDGE)
    assert 0 < (line.refused(20 + EDGE).retry_after or 0) <= 1
    line.report(scout, 21, remaining=30, reset=60)
    assert line.room(21) == 30 - 3


def test_after_a_window_in_which_others_were_seen_one_call_goes_first(line: Line) -> None:
    """We had not used it up."""
    line.report(line.send(0), 0.1, remaining=40, reset=20)
    line.send(20 + EDGE)
    line.refused(20 + EDGE)


def test_after_a_window_that_was_ours_and_not_used_up_all_go(line: Line) -> None:
    """Nobody else is there, so nothing has to be found out."""
    line.report(line.send(0), 0.1, remaining=59, reset=20)
    assert line.room(20 + EDGE) == 60 - 3


def test_a_first_call_that_never_answers_is_waited_for_five_seconds(line: Line) -> None:
    """Its worker was killed."""
    line.report(line.send(0), 0.1, remaining=3, reset=20)
    line.refused(1)
    line.send(21)
    line.refused(25.9)
    line.send(26.1)


def test_a_call_that_was_never_reported_is_in_flight_for_two_windows(line: Line) -> None:
    """Ten workers were killed; what they would have used comes back."""
    line.report(line.send(0), 0.1, remaining=59, reset=60)
    for _ in range(10):
        line.send(1)
    line.send(60 + EDGE)
    assert line.room(121) == 60 - 1 - 3


@pytest.mark.parametrize(("retry_after", "waits"), [(20.0, 20.0), (None, 60.0)])
def test_a_429_shuts_the_key_for_all_and_one_call_opens_it(
    join: Callable[..., Line], retry_after: float | None, waits: float
) -> None:
    """For as long as it says since its call was sent; for a window when it does not say."""
    ours, theirs = join(), join()
    ours.report(ours.send(0), 0.1, remaining=59, reset=60)
    ours.throttled(ours.send(1), 3, retry_after)
    assert theirs.refused(3).retry_after == pytest.approx(1 + waits + EDGE - 3)
    theirs.refused(1 + waits + EDGE - 0.01)
    theirs.send(1 + waits + EDGE)
    ours.refused(1 + waits + EDGE)


def test_a_429_shuts_the_key_when_nothing_else_was_told(line: Line) -> None:
    """A Cal.com, or a proxy before it, that tells no count."""
    line.throttled(line.send(0), 0.1, 20)
    line.refused(20 + EDGE - 0.01)
    line.send(20 + EDGE)


def test_a_first_429_tells_the_limit_and_one_call_goes_first_after_it(line: Line) -> None:
    """A fleet that starts beside others who have used the key up: not all of it runs into the next 429."""
    first, second = line.send(0), line.send(0)
    for permit in (first, second):
        headers = QuotaHeaders(LIMIT, 0, 20)
        line.breaker.record(
            permit, CallOutcome.THROTTLED, reason="throttled", retry_after=20, quota_headers=headers, now=T0 + 0.1
        )
    scout = line.send(20 + EDGE)
    line.refused(20 + EDGE)
    line.report(scout, 21, remaining=10, reset=60)
    assert line.room(21) == 10 - 3


def test_a_429_that_asks_for_no_wait_is_waited_for_longer_each_time(line: Line) -> None:
    """A proxy's `Retry-After: 0`, or a count that begins again this very moment, is no reason to ask without end."""
    at, waits = 0.0, list[float]()
    for _ in range(5):
        line.throttled(line.send(at), at, 0)
        waits.append(line.refused(at).retry_after or 0)
        at += waits[-1]
    assert waits[0] >= 1
    assert waits == sorted(waits)
    assert waits[-1] > 2 * waits[0]


@pytest.mark.parametrize("ours", [0, 100])
@pytest.mark.parametrize("what", ["our own limit is used up", "the service's limit is used up"])
def test_a_clock_that_is_set_back_holds_nobody_longer_than_a_window(
    join: Callable[..., Line], what: str, ours: int
) -> None:
    """Redis's clock is stepped by ten minutes, or a replica that is behind takes over."""
    line = join(rate_limit=ours)
    permit = line.send(0)
    if what == "our own limit is used up":
        line.report(permit, 0.1, remaining=59, reset=60)
        line.room(1)
    else:
        line.report(permit, 0.1, remaining=0, reset=60)
    assert any(line.ask(at) for at in range(-600, -600 + 63))


@pytest.mark.parametrize("used", [0, 1, 5])
def test_as_many_calls_as_our_own_limit_is_told_to_leave_may_go(join: Callable[..., Line], used: int) -> None:
    """Asked for ten times a second until that moment; who looks takes none of them."""
    line = join(rate_limit=20, rate_burst=5)
    for _ in range(used):
        line.send(0)
    left, until = line.left(1)
    assert (left, until) == line.left(1)
    assert until == (60 if used else 61)  # since the first call, or from now on
    assert sum(bool(line.ask(tenth / 10)) for tenth in range(10, 10 * int(until))) == left


def test_how_many_calls_the_service_leaves_is_told(line: Line) -> None:
    """No limit is known; 20 remain, one is on its way and three are for others; a 429; and the next window."""
    assert line.left(0) == (None, None)
    line.report(line.send(0), 0.1, remaining=20, reset=40)
    line.send(1)
    assert line.left(1) == (20 - 1 - 3, pytest.approx(40 + EDGE))
    line.throttled(line.send(2), 2, 12)
    assert line.left(3) == (0, pytest.approx(14 + EDGE))
    line.throttled(line.send(20), 21, 5)
    assert line.left(60) == (LIMIT - 3, pytest.approx(120))

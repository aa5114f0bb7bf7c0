"""The rate of a caller: as many calls as its minute has, evenly given back; the same with Redis and without."""

import pytest
import redis

from resilience.call_limit import CallLimit
from resilience.shared_state.client import make_redis


class Clock:
    """Tell the time that a test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


def limits(redis_url: str) -> list[CallLimit]:
    """Return one that shares its counts, and one that counts for itself."""
    patient = make_redis(redis_url, timeout=30, connect_timeout=30)
    return [CallLimit("http", patient), CallLimit("http", None, clock=Clock())]


def test_a_minutes_calls_may_come_at_once_and_no_more(redis_url: str) -> None:
    """The next one is told how long it waits: a tenth of a minute, at ten a minute."""
    for limit in limits(redis_url):
        assert [limit.wait("one", 10) for _ in range(10)] == [0.0] * 10
        assert limit.wait("one", 10) == pytest.approx(6.0, abs=5.9)
        assert limit.wait("another", 10) == 0.0


def test_of_calls_that_come_together_so_many_go_as_may(redis_url: str) -> None:
    """What may not go is not counted, and all are told when the next one may come."""
    for limit in limits(redis_url):
        answers = [limit.admit("one", 1, calls, at_once=10) for calls in (4, 9, 9)]
        assert [(one.calls, one.left) for one in answers] == [(4, 6), (6, 0), (0, 0)]
        assert [one.wait for one in answers] == [0.0, pytest.approx(30, abs=30), pytest.approx(30, abs=30)]


def test_calls_come_back_with_time() -> None:
    """One in each tenth of a minute, never more than ten."""
    clock = Clock()
    limit = CallLimit("http", None, clock=clock)
    for _ in range(11):
        limit.wait("one", 10)

    clock.now += 6.0
    assert [limit.wait("one", 10) > 0 for _ in range(2)] == [False, True]
    clock.now += 3600.0
    assert [limit.wait("one", 10) > 0 for _ in range(11)] == [False] * 10 + [True]


def test_two_processes_share_a_rate(redis_url: str) -> None:
    """Each core's process counts the same calls; what is counted leaves Redis by itself."""
    one, two = (CallLimit("http", make_redis(redis_url, timeout=30, connect_timeout=30)) for _ in range(2))

    waits = [limit.wait("one", 4) > 0 for limit in (one, two) * 3]

    assert waits == [False] * 4 + [True] * 2
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.pttl("{http}:one") <= 60_000


def test_a_clock_that_was_set_back_shuts_nobody_out(redis_url: str) -> None:
    """A time that lies far ahead is cut to the minute."""
    with redis.Redis.from_url(redis_url) as client:
        client.set("{http}:one", 10**18)

    wait = limits(redis_url)[0].wait("one", 10)

    assert 0 < wait <= 60

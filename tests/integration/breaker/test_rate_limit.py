"""The limit that Cal.com tells is used up and not overrun. Time is simulated; Valkey and Lua are real."""

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from statistics import median

import pytest

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, QuotaHeaders, Reason
from resilience.shared_state.client import make_redis
from simulator.state.rate_limit import RateLimit, Verdict
from tests.support.breakers import CREATE, wipe

T0 = 1_800_000_000.0
LIMIT, WINDOW = 60, 60.0  # what Cal.com allows, and tells
IN_FLIGHT = 16
WAY = (0.02, 0.15)  # seconds that a call is on its way
SEEDS = range(6)
Join = Callable[..., CircuitBreaker]


@pytest.fixture
def join(redis_url: str) -> Join:
    """Make a breaker of this fleet, with these settings."""

    def make(**settings: int) -> CircuitBreaker:
        client = make_redis(redis_url, timeout=30, connect_timeout=30)
        return CircuitBreaker("calcom", redis=client, settings=BreakerSettings(**settings))

    return make


@dataclass
class World:
    """Processes with bookings to make, and a Cal.com that counts a call when it comes, before its work."""

    processes: list[CircuitBreaker]
    seed: int
    waiting: int
    lasting: float = 1.0
    limit: int = LIMIT
    window: float = WINDOW
    tick: float = 1.0
    """Seconds after which a call that was denied is asked for again."""
    told: Callable[[float], float] = float
    """How the seconds until a window ends are told."""
    now: float = 0.0
    flying: int = 0
    refused: list[float] = field(default_factory=list)
    key: RateLimit = field(default_factory=RateLimit)
    moments: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        """Begin beat, which lets held bookings go each second."""
        self.rng = random.Random(self.seed)  # noqa: S311 - the same world every time
        self.calls = self.waiting
        self._tick()

    def others(self, times: Iterable[float]) -> "World":
        """Let somebody else use the key at these times."""
        for time in times:
            self._at(time, self._count)
        return self

    def run(self) -> float:
        """Make every booking; return the seconds until the last answer."""
        while self.waiting or self.flying:
            self.now, _, happen = heappop(self.moments)
            assert self.now < self.calls * WINDOW, "the line stands still"
            happen()
            while self.waiting and self.flying < IN_FLIGHT and self._ask():
                pass
        return self.now

    def _at(self, time: float, happen: Callable[[], None]) -> None:
        heappush(self.moments, (time, next(self.numbers), happen))

    def _tick(self) -> None:
        self._at(self.now + self.tick, self._tick)

    def _count(self) -> Verdict:
        return self.key.count("key", limit=self.limit, window=self.window, block=self.window, now=self.now)

    def _ask(self) -> bool:
        number = next(self.numbers)
        process = self.processes[number % len(self.processes)]
        permit = process.acquire(CREATE, owner=f"o{number}", now=T0 + self.now)
        if isinstance(permit, Denied):
            return False
        self.waiting, self.flying = self.waiting - 1, self.flying + 1
        self._at(self.now + self.rng.uniform(*WAY), lambda: self._arrive(process, permit))
        return True

    def _arrive(self, process: CircuitBreaker, permit: Permit) -> None:
        verdict = self._count()
        work = self.lasting * self.rng.uniform(0.5, 1.5) if verdict.allowed else 0.0
        self._at(self.now + work + self.rng.uniform(*WAY), lambda: self._answer(process, permit, verdict))

    def _answer(self, process: CircuitBreaker, permit: Permit, verdict: Verdict) -> None:
        self.flying -= 1
        now, headers = T0 + self.now, QuotaHeaders(verdict.limit, verdict.remaining, self.told(verdict.reset))
        if verdict.allowed:
            process.record(permit, CallOutcome.SUCCESS, quota_headers=headers, now=now)
            return
        self.waiting += 1
        self.refused.append(self.now)
        process.record(
            permit, CallOutcome.THROTTLED, reason="throttled", retry_after=verdict.reset, quota_headers=headers, now=now
        )


def worst_minute(times: list[float]) -> int:
    """Count the most that lie in any 60 s."""
    return max((sum(first <= time < first + 60 for time in times) for first in times), default=0)


@pytest.mark.variants(first=2)
@pytest.mark.parametrize(("ours", "within"), [(0, 130), (100_000, 130), (100, 145), (60, 160)])
def test_what_cal_com_allows_is_used_up_and_no_call_is_one_too_many(
    redis_url: str, join: Join, ours: int, within: int
) -> None:
    """150 calls of a second at 60 a minute, which only its answers tell; our own pace is the floor where it is low."""
    for seed in SEEDS:
        wipe(redis_url)
        world = World([join(rate_limit=ours), join(rate_limit=ours)], seed, waiting=150)
        assert world.run() <= within
        assert world.refused == []


def test_long_calls_use_it_as_well(redis_url: str, join: Join) -> None:
    """Each answer is then four seconds old, and many are in flight at the end of a window."""
    ends = []
    for seed in SEEDS:
        wipe(redis_url)
        world = World([join(rate_limit=0), join(rate_limit=0)], seed, waiting=150, lasting=4.5)
        ends.append(world.run())
        assert world.refused == []
    assert max(ends) <= 155
    assert median(ends) <= 145


@pytest.mark.variants(first=2)
@pytest.mark.parametrize("told", [float, math.ceil], ids=["exactly", "in whole seconds"])
@pytest.mark.parametrize(("window", "within"), [(1.0, 1.9), (2.0, 1.25), (5.0, 1.25)])
def test_a_limit_of_a_few_seconds_is_used(
    redis_url: str, join: Join, window: float, within: float, told: Callable[[float], float]
) -> None:
    """Ten calls in each window, of a third of a second; the first six too many go before anything is told.

    A window of one second that is told in whole seconds may end a second later than it does.
    """
    for seed in SEEDS:
        wipe(redis_url)
        processes = [join(rate_limit=0), join(rate_limit=0)]
        world = World(processes, seed, 200, lasting=0.3, limit=10, window=window, tick=0.05, told=told)
        assert world.run() <= within * 20 * window
        assert len(world.refused) <= 15


OTHERS = {
    "evenly": lambda rng: [2 * number + rng.uniform(0, 2) for number in range(600)],
    "in tens": lambda rng: [20 * number + 7 + rng.uniform(0, 0.5) for number in range(60) for _ in range(10)],
    "all at once": lambda rng: [60 * number + 31 + rng.uniform(0, 0.3) for number in range(20) for _ in range(30)],
}


@pytest.mark.variants
@pytest.mark.parametrize("how", OTHERS)
def test_others_who_use_half_of_the_key_cost_at_most_three_429_a_minute(redis_url: str, join: Join, how: str) -> None:
    """And what they leave is used: a part of it is theirs to take at any time, so not as quickly as by ourselves."""
    for seed in SEEDS:
        wipe(redis_url)
        rng = random.Random(seed)  # noqa: S311 - the same world every time
        world = World([join(rate_limit=0), join(rate_limit=0)], seed, waiting=150).others(OTHERS[how](rng))
        assert world.run() <= 390
        assert worst_minute(world.refused) <= 3


@pytest.mark.parametrize(("limit", "burst"), [(100, None), (100, 30), (10, 1), (3, None), (1, None), (1000, None)])
def test_no_window_has_more_calls_than_our_own_limit(join: Join, limit: int, burst: int | None) -> None:
    """Wherever the window begins; after a quiet time, too."""
    breaker = join(rate_limit=limit, rate_burst=burst)
    rng = random.Random(limit)  # noqa: S311 - the same traffic every time
    now, gone = 0.0, list[float]()
    while now < 400:
        now += rng.choice((0.0, 0.001, 0.01, 0.1, 1.0, 30.0 if rng.random() < 0.01 else 0.0))
        if breaker.acquire(CREATE, owner="o", now=T0 + now):
            gone.append(round(now, 3))
    most = max(
        sum(first <= at < first + 60 for at in gone[place : place + limit + 1]) for place, first in enumerate(gone)
    )
    assert most <= limit


def test_a_denial_says_when_the_next_call_may_go(join: Join) -> None:
    """Not a millisecond early, not one late."""
    breaker = join(rate_limit=100, rate_burst=1)
    assert breaker.acquire(CREATE, owner="a", now=T0)
    denial = breaker.acquire(CREATE, owner="b", now=T0)
    assert isinstance(denial, Denied)
    assert (denial.reason, denial.retry_after) == (Reason.THROTTLED, 0.6)
    assert not breaker.acquire(CREATE, owner="c", now=T0 + 0.599)
    assert breaker.acquire(CREATE, owner="d", now=T0 + 0.6)

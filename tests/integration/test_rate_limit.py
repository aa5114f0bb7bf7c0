"""Cal.com's limit is never met, and most of it is used. Time is simulated; Valkey and Lua are real."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from resilience.breaker_settings import BreakerSettings
from resilience.circuit_breaker import CircuitBreaker
from resilience.permit import CallOutcome, Denied, Permit, RateNews, Reason
from resilience.redis_client import make_redis

CREATE = "bookings.create"
T0 = 1_800_000_000.0
TICK = 0.05
LIMIT, WINDOW, BLOCK = 120, 60.0, 60.0


@dataclass
class Calcom:
    """Count calls as Cal.com does: a window from its first call; one too many blocks for a minute."""

    begun: float = -1e9
    count: int = 0
    blocked_until: float = -1e9
    refused: int = 0

    def call(self, at: float) -> RateNews | None:
        """Take a call; None: 429."""
        if at >= self.begun + WINDOW:
            self.begun, self.count = at, 0
        self.count += 1
        if at < self.blocked_until:
            return None
        if self.count > LIMIT:
            self.blocked_until = at + BLOCK
            return None
        return RateNews(LIMIT - self.count, round(self.begun + WINDOW - at))


@dataclass
class World:
    """Two of our processes with work to do, and perhaps another user of the key."""

    ours: list[CircuitBreaker]
    rng: random.Random
    calcom: Calcom = field(default_factory=Calcom)
    now: float = 0.0
    sent: int = 0
    refused: int = 0
    flying: list[tuple[float, float, CircuitBreaker, Permit]] = field(default_factory=list)
    answered: list[tuple[float, CircuitBreaker, Permit, RateNews]] = field(default_factory=list)

    def run(self, *, until_sent: int = 10**9, seconds: float = 1e9, others: dict[int, int] | None = None) -> None:
        """Let both ask as often as they can; `others`: calls of the other user at a second of each minute."""
        asked = 0
        while self.sent < until_sent and self.now < seconds:
            self.now += TICK
            if int(self.now) != int(self.now - TICK):
                for _ in range((others or {}).get(int(self.now) % 60, 0)):
                    self.calcom.call(self.now)
            self._land()
            for breaker in self.ours:
                asked += 1
                permit = breaker.acquire(CREATE, owner=f"o{asked}", now=T0 + self.now)
                if isinstance(permit, Permit):
                    self.sent += 1
                    arrives = self.now + self.rng.uniform(0.01, 0.5)
                    self.flying.append((arrives, arrives + self.rng.uniform(0.05, 2.5), breaker, permit))

    def _land(self) -> None:
        for flight in sorted(self.flying, key=lambda flight: flight[0]):
            arrives, answered, breaker, permit = flight
            if arrives > self.now:
                break
            self.flying.remove(flight)
            news = self.calcom.call(arrives)
            if news is None:
                self.refused += 1
                breaker.record(permit, CallOutcome.THROTTLED, reason="throttled", retry_after=BLOCK, now=T0 + self.now)
            else:
                self.answered.append((answered, breaker, permit, news))
        for home in [home for home in self.answered if home[0] <= self.now]:
            self.answered.remove(home)
            _, breaker, permit, news = home
            breaker.record(permit, CallOutcome.SUCCESS, news=news, now=T0 + self.now)


@pytest.fixture
def world(redis_url: str) -> Iterator[World]:
    """Two processes with the default limit."""
    settings = BreakerSettings(mode="strict")
    ours = [CircuitBreaker("calcom", redis=make_redis(redis_url), settings=settings) for _ in range(2)]
    yield World(ours, random.Random(1))  # noqa: S311 - the same world every time
    for breaker in ours:
        breaker.close()


def test_five_hundred_calls_meet_no_429_and_use_the_allowance(world: World) -> None:
    """With the default settings; at least 0.8 of what Cal.com would have let through."""
    world.run(until_sent=500)
    assert world.refused == 0
    assert world.sent >= 0.8 * LIMIT * world.now / WINDOW


@pytest.mark.parametrize(
    "others", [dict.fromkeys(range(60), 1), {20: 60}, {0: 30, 31: 30}], ids=["evenly", "at once", "in two"]
)
def test_another_user_of_the_key_costs_at_most_two_429(world: World, others: dict[int, int]) -> None:
    """Somebody else uses half of the key: what answers tell is learnt, and a fair part of the rest is used."""
    world.run(seconds=400, others=others)
    assert world.refused <= 2
    assert world.sent >= 0.4 * LIMIT / 2 * world.now / WINDOW


@pytest.mark.parametrize(("limit", "burst"), [(100, None), (100, 30), (10, 1), (3, None), (1, None), (1000, None)])
def test_no_window_has_more_calls_than_the_limit(limit: int, burst: int | None) -> None:
    """Wherever the window begins; after a quiet time, too."""
    breaker = CircuitBreaker("calcom", settings=BreakerSettings(rate_limit=limit, rate_burst=burst))
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


def test_a_denial_says_when_the_next_call_may_go() -> None:
    """Not a millisecond early, not one late."""
    breaker = CircuitBreaker("calcom", settings=BreakerSettings(rate_limit=100, rate_burst=1))
    assert breaker.acquire(CREATE, owner="a", now=T0)
    denial = breaker.acquire(CREATE, owner="b", now=T0)
    assert isinstance(denial, Denied)
    assert (denial.reason, denial.retry_after) == (Reason.THROTTLED, 0.6)
    assert not breaker.acquire(CREATE, owner="c", now=T0 + 0.599)
    assert breaker.acquire(CREATE, owner="d", now=T0 + 0.6)


def test_no_limit_of_our_own_still_hears_cal_coms_count() -> None:
    """0 means that we set none; what Cal.com says is obeyed."""
    breaker = CircuitBreaker("calcom", settings=BreakerSettings(rate_limit=0))
    permits = [breaker.acquire(CREATE, owner=f"o{number}", now=T0) for number in range(300)]
    assert all(permits)
    assert isinstance(permits[-1], Permit)
    breaker.record(permits[-1], CallOutcome.SUCCESS, news=RateNews(0, 20), now=T0)
    denial = breaker.acquire(CREATE, owner="late", now=T0 + 1)
    assert isinstance(denial, Denied)
    assert denial.retry_after == 19
    assert breaker.acquire(CREATE, owner="anew", now=T0 + 20)

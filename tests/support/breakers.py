"""Breakers for tests, and what is done with them."""

import random
import time
from collections.abc import Callable

import redis

from resilience.circuit_breaker.breaker import CalcomCircuitBreaker, CircuitBreaker
from resilience.circuit_breaker.failover import ReadOverrides
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit
from resilience.shared_state.client import make_redis

CREATE, LIST = "bookings.create", "bookings.list"
T0 = 1_800_000_000.0
Make = Callable[..., CircuitBreaker]
"""What the fixture `make` gives: `make` with the URL of a Redis of the test's own."""
SERVICE, ENDPOINT = CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT


def make(
    url: str | None = None,
    *,
    key: str = "",
    configuration: str = "here",
    overrides: ReadOverrides | None = None,
    rng: random.Random | None = None,
    **changes: object,
) -> CircuitBreaker:
    """Build a breaker without a rate limit; without a URL, of this process alone."""
    settings = BreakerSettings(**{"rate_limit": 0, **changes})  # type: ignore[arg-type]
    shared = make_redis(url, timeout=5) if url else None
    return CalcomCircuitBreaker(
        "calcom", redis=shared, settings=settings, key=key, configuration=configuration, overrides=overrides, rng=rng
    )


def ask(breaker: CircuitBreaker, at: float, owner: str = "o", endpoint: str = CREATE, **how: bool) -> Permit:
    """Ask for a call that must be granted."""
    permit = breaker.acquire(endpoint, owner=owner, now=T0 + at, **how)
    assert isinstance(permit, Permit), permit
    return permit


def denied(breaker: CircuitBreaker, at: float, endpoint: str = CREATE, **how: bool) -> Denied:
    """Ask for a call that must be denied."""
    denial = breaker.acquire(endpoint, owner="denied", now=T0 + at, **how)
    assert isinstance(denial, Denied), denial
    return denial


def fail(breaker: CircuitBreaker, *times: float, outcome: CallOutcome = SERVICE, endpoint: str = CREATE) -> None:
    """Make calls that fail."""
    for at in times:
        breaker.record(ask(breaker, at, f"f{at}", endpoint), outcome, reason="timeout", now=T0 + at)


def trip(breaker: CircuitBreaker) -> CircuitBreaker:
    """Open it at second 0."""
    fail(breaker, *(0 for _ in range(breaker.settings.threshold)))
    return breaker


def call(breaker: CircuitBreaker, outcome: CallOutcome = CallOutcome.SUCCESS, *, at: float | None = None) -> bool:
    """Make one guarded call, at this second or by the breaker's clock; False when it was denied."""
    now = None if at is None else T0 + at
    permit = breaker.acquire(CREATE, owner=f"{time.monotonic_ns()}", now=now)
    if isinstance(permit, Permit):
        breaker.record(permit, outcome, reason="timeout", now=now)
    return bool(permit)


def wipe(url: str) -> None:
    """Make Redis forget everything."""
    with redis.Redis.from_url(url) as client:
        client.flushall()

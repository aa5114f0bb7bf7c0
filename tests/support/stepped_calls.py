"""Calls through the breaker that a fleet shares, at times that a test sets: the scripts' word, and no clock's."""

from resilience.circuit_breaker.breaker import CalcomCircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit, Recorded, State
from resilience.shared_state.client import make_redis

CREATE, LIST = "bookings.create", "bookings.list"
SUCCESS, GONE, FAILED = CallOutcome.SUCCESS, CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT
T0 = 1_800_000_000.0
OPENED = -1


class Calls:
    """Calls through one breaker with the default settings, but for the limit and what is given; `at` is the time."""

    def __init__(self, redis_url: str, **given: object) -> None:
        settings = BreakerSettings(**{"rate_limit": 0, **given})  # type: ignore[arg-type]
        client = make_redis(redis_url, timeout=30, connect_timeout=30)
        self.breaker = CalcomCircuitBreaker("calcom", redis=client, settings=settings)
        self.at = 0.0
        self.made = 0

    def ask(self, endpoint: str = CREATE, *, probe_ok: bool = True) -> Permit | None:
        """Ask for a call; None: it must not go."""
        self.made += 1
        permit = self.breaker.acquire(endpoint, owner=f"o{self.made}", probe_ok=probe_ok, now=T0 + self.at)
        return permit if isinstance(permit, Permit) else None

    def begin(self, endpoint: str = CREATE) -> Permit:
        """Ask for a call that must be granted."""
        permit = self.ask(endpoint)
        assert permit, f"{endpoint} is shut at {self.at}"
        return permit

    def end(self, permit: Permit, outcome: CallOutcome) -> Recorded:
        """Report what came of a call."""
        return self.breaker.record(permit, outcome, reason="other", retry_after=1, now=T0 + self.at)

    def call(self, *outcomes: CallOutcome, endpoint: str = CREATE) -> Recorded:
        """Make one call after the other, and return what the last report led to."""
        *before, last = outcomes
        for outcome in before:
            self.end(self.begin(endpoint), outcome)
        return self.end(self.begin(endpoint), last)

    def row(self, endpoint: str | None = None) -> int:
        """Return how many failures in a row the service, or an endpoint, has; OPENED when it is not closed."""
        status = self.breaker.get_status(now=T0 + self.at)
        scope = status.breaker if endpoint is None else status.endpoints.get(endpoint)
        if scope is None:
            return 0
        return scope.failures if scope.state is State.CLOSED else OPENED

    def anew(self) -> None:
        """Close everything and forget the failures."""
        self.breaker.reset("operator", "another run")

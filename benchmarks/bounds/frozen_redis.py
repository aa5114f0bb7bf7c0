"""What a guarded call costs while Redis is frozen, beside its one time-out, waited out on a socket of its own."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit
from resilience.shared_state.client import make_redis
from worker.local import embedded

ROUNDS, CALLS = 10, 50
TIMEOUT = 0.08  # seconds, as make_redis has it


def pairs() -> Iterator[dict[str, float]]:
    """Freeze it again and again; of each time the dearest of some calls counts."""
    with embedded.servers(postgres=False) as servers:
        for number in range(ROUNDS):
            settings = BreakerSettings(rate_limit=0)
            breaker = CircuitBreaker(f"calcom{number}", redis=make_redis(servers.redis_url), settings=settings)
            _call(breaker, 0)
            servers.valkey.pause()
            once = _seconds_of_a_timeout()
            dearest = max(_call(breaker, 1 + call) for call in range(CALLS))
            servers.valkey.resume()
            yield {"frozen_redis": dearest / once}


def _call(breaker: CircuitBreaker, number: int) -> float:
    begun = time.perf_counter()
    permit = breaker.acquire("bookings.create", owner=f"call {number}")
    if isinstance(permit, Permit):
        breaker.record(permit, CallOutcome.SUCCESS)
    return time.perf_counter() - begun


def _seconds_of_a_timeout() -> float:
    begun = time.perf_counter()
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_connection(silent.getsockname()) as line:
        line.settimeout(TIMEOUT)
        with suppress(TimeoutError):
            line.recv(1)
    return time.perf_counter() - begun

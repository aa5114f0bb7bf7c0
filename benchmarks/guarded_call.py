"""What a guarded call costs on a closed breaker: ask, call, report; as a ratio to one PING of the same run.

Three kinds of calls take turns in short blocks, so that whatever else the machine does meets them alike; of each kind
the median of its blocks counts. A block's mean contains what falls due once in a while: the reports that go along with
a later call. `default` keeps successes back for up to a second, `strict` tells each at once. What the default gives up:
counts and rates are up to a second old, and a worker that is killed takes up to a second of them along; failures,
changes of state and the rate limit are never late.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Literal

from resilience.breaker_settings import BreakerSettings
from resilience.circuit_breaker import CircuitBreaker
from resilience.permit import CallOutcome, Permit, RateNews
from resilience.redis_client import make_redis
from worker import embedded

ENDPOINT = "bookings.create"
PLENTY = 10**6
AT_MOST = {"default": 1.5, "strict": 3.0}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    asked = _parser().parse_args(arguments)
    with _redis_url(asked.redis_url) as url:
        result = measure(url, blocks=asked.blocks, calls=asked.calls)
    if asked.json:
        print(json.dumps(result))
        return
    print(f"{'PING':10} {result['ping_us']:6.1f} us")
    for mode, most in AT_MOST.items():
        print(f"{mode:10} {result[f'{mode}_us']:6.1f} us {result[mode]:5.2f} PINGs (at most {most})")


def measure(url: str, *, blocks: int = 200, calls: int = 50) -> dict[str, float]:
    """Give microseconds and ratios to PING; `calls` of each kind in each of `blocks` turns."""
    client = make_redis(url, timeout=5)
    kinds: dict[str, Callable[[], object]] = {"ping": client.ping}
    breakers = [_guarded(kinds, url, "default"), _guarded(kinds, url, "strict")]
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(blocks + 1):
        for name, call in kinds.items():
            begun = time.perf_counter()
            for _ in range(calls):
                call()
            if turn:  # the first warms up
                times[name].append((time.perf_counter() - begun) / calls * 1e6)
    for breaker in breakers:
        breaker.close()
    client.close()
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    result = {f"{name}_us": median for name, median in medians.items()}
    return result | {mode: medians[mode] / medians["ping"] for mode in AT_MOST}


def _guarded(kinds: dict[str, Callable[[], object]], url: str, mode: Literal["default", "strict"]) -> CircuitBreaker:
    """Add the guarded call of one mode: breaker, rate limit, counts, and what Cal.com tells of its own count."""
    settings = BreakerSettings(rate_limit=PLENTY, rate_burst=PLENTY // 2, mode=mode)
    breaker = CircuitBreaker(f"calcom-{mode}", redis=make_redis(url, timeout=5), settings=settings, key="fingerprint")
    numbers, ends = count(), time.monotonic() + 3600

    def call() -> None:
        permit = breaker.acquire(ENDPOINT, owner=f"claim:{next(numbers)}")
        if not isinstance(permit, Permit):
            raise SystemExit(f"denied: {permit}")
        breaker.record(permit, CallOutcome.SUCCESS, elapsed=0.1, news=RateNews(PLENTY, ends - time.monotonic()))

    kinds[mode] = call
    return breaker


@contextmanager
def _redis_url(given: str | None) -> Iterator[str]:
    """Use a server that is there, or one of our own."""
    if given:
        yield given
        return
    with embedded.servers(postgres=False) as servers:
        yield servers.redis_url


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--redis-url", metavar="URL", help="an empty Redis or Valkey (default: one from the wheel)")
    made.add_argument("--blocks", type=int, default=200, metavar="N", help="turns of each kind (200)")
    made.add_argument("--calls", type=int, default=50, metavar="N", help="calls in a turn (50)")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


if __name__ == "__main__":
    main()

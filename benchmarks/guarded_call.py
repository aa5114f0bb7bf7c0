"""What a guarded call costs on a closed breaker: ask, call, report; as a ratio to two PINGs of the same run.

Two kinds of calls take turns in short blocks, so that whatever else the machine does meets them alike; of each kind the
median of its blocks counts, and so on for several pairs. The guarded call is two round trips with all that hangs on
them, as `GuardedCalls` makes it: breaker, rate limit, what Cal.com tells of its own count, and the figures of the
failure detector. Exit code 1 when it costs too much.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, cycle

from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit, QuotaHeaders
from resilience.shared_state.client import make_redis
from worker.local import embedded

ENDPOINT = "bookings.create"
PLENTY = 10**6
AT_MOST = 1.7
ROUNDS = 10
CONTEXT = {"correlation_id": "0" * 32, "error_type": "none", "worker": "host"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    asked = _parser().parse_args(arguments)
    with _redis_url(asked.redis_url) as url:
        results = [measure(url, blocks=asked.blocks, calls=asked.calls) for _ in range(asked.rounds)]
    ratios = sorted(result["ratio"] for result in results)
    ratio = statistics.median(ratios)
    if asked.json:
        print(json.dumps({"ratio": ratio, "low": ratios[0], "high": ratios[-1], "pairs": results}))
        return
    for kind in ("ping", "guarded"):
        print(f"{kind:8} {statistics.median(result[f'{kind}_us'] for result in results):6.1f} us")
    print(f"guarded / two PINGs: {ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}; at most {AT_MOST})")
    if ratio > AT_MOST:
        raise SystemExit(1)


def measure(url: str, *, blocks: int = 20, calls: int = 50) -> dict[str, float]:
    """Return microseconds and the ratio to two PINGs; `calls` of each kind in each of `blocks` turns."""
    client = make_redis(url, timeout=5)
    took = microseconds({"ping": client.ping, "guarded": guarded(url)}, blocks=blocks, calls=calls)
    client.close()
    return {"ping_us": took["ping"], "guarded_us": took["guarded"], "ratio": took["guarded"] / (2 * took["ping"])}


def microseconds(kinds: Mapping[str, Callable[[], object]], *, blocks: int, calls: int) -> dict[str, float]:
    """Return what a call of each kind takes: the median of `blocks` turns of `calls` each."""
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(blocks + 1):
        for name, call in kinds.items():
            begun = time.perf_counter()
            for _ in range(calls):
                call()
            if turn:  # the first warms up
                times[name].append((time.perf_counter() - begun) / calls * 1e6)
    return {name: statistics.median(of_kind) for name, of_kind in times.items()}


def pairs() -> Iterator[dict[str, float]]:
    """Measure again and again, beside two PINGs: one for the question, one for the report."""
    with _redis_url(None) as url:
        for _ in range(ROUNDS):
            yield {"guarded_call": measure(url)["ratio"]}


def guarded(url: str, accounts: Sequence[CallingAccount | None] = (None,)) -> Callable[[], None]:
    """Return the guarded call, of each account in turn; None: the one that is alone."""
    settings = BreakerSettings(rate_limit=PLENTY, rate_burst=PLENTY // 2)
    breaker = CircuitBreaker(
        "calcom", redis=make_redis(url, timeout=5), settings=settings, key="key", configuration="it"
    )
    numbers, callers, ends = count(), cycle(accounts), time.monotonic() + 3600

    def call() -> None:
        permit = breaker.acquire(ENDPOINT, owner=f"claim:{next(numbers)}", account=next(callers))
        if not isinstance(permit, Permit):
            raise SystemExit(f"denied: {permit}")
        news = QuotaHeaders(PLENTY, PLENTY, ends - time.monotonic())
        context = dict(CONTEXT)
        breaker.record(permit, CallOutcome.SUCCESS, reason="none", elapsed=0.1, context=context, quota_headers=news)

    return call


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
    made.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"pairs to measure ({ROUNDS})")
    made.add_argument("--blocks", type=int, default=20, metavar="N", help="turns of each kind in a pair (20)")
    made.add_argument("--calls", type=int, default=50, metavar="N", help="calls in a turn (50)")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


if __name__ == "__main__":
    main()

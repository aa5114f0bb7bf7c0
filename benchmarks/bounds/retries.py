"""How much later than its delay a retry comes, on an idle fleet, from Cal.com's own journal."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from threading import Event
from typing import Any

from environment import BenchmarkEnvironment, benchmark_environment, some, until

from worker import enqueue_bookings

POST = {"method": "POST", "path": "/v2/bookings"}
AT_ONCE = 5  # bookings side by side: each of them is a pair
DELAYS = (1.0, 2.0, 4.0)
ASKED_FOR, SETTLE = 2, 5.0  # seconds


def pairs() -> Iterator[dict[str, float]]:
    """Have bookings answered in each way, some at a time."""
    settings: dict[str, Any] = {
        "calcom_settle_answered_seconds": SETTLE,
        "circuit_breaker_threshold": 1000,
        "retry_jitter": 0.0,
    }
    with benchmark_environment([2 * AT_ONCE], latency=0.0, **settings) as ready:
        enqueue_bookings(some(0, 1))
        until(lambda: bool(ready.calcom.confirmed()), within=60, pause=Event().wait)
        for posts in _posts(ready, 100, enough=1 + len(DELAYS), name="taken"):
            gaps = [later - earlier for earlier, later in pairwise(posts)]
            yield {"retry_delay": max(gap / delay for gap, delay in zip(gaps, DELAYS, strict=False))}
        for posts in _posts(ready, 200, enough=2, name="internal", count=AT_ONCE):
            yield {"settle": (posts[1] - posts[0]) / SETTLE}
        for number in range(300, 300 + AT_ONCE):
            yield {"retry_after": _until_looked_for(ready, number) / ASKED_FOR}


def _posts(ready: BenchmarkEnvironment, first: int, *, enough: int, **answer: Any) -> list[list[float]]:
    """Have some bookings answered like this, side by side; return the moments of each one's POSTs."""
    before = ready.calcom.last()
    ready.calcom.order("POST", "/_faults", {"kind": "status", "match": POST, **answer})
    enqueue_bookings(some(first, AT_ONCE))

    def posts() -> dict[str, list[float]]:
        found: dict[str, list[float]] = defaultdict(list)
        for call in ready.calcom.journal(before):
            if call["method"] == "POST":
                found[call["reference"]].append(float(call["t0"]))
        return found

    def all_sent() -> bool:
        return len(posts()) == AT_ONCE and min(map(len, posts().values())) >= enough

    until(all_sent, within=90, pause=Event().wait)
    ready.calcom.order("DELETE", "/_faults")
    return list(posts().values())


def _until_looked_for(ready: BenchmarkEnvironment, number: int) -> float:
    """Return the seconds from a 503 that asks for a wait to the next call for the same booking."""
    fault = {"kind": "status", "match": POST, "name": "unavailable", "retry_after": ASKED_FOR, "count": 1}
    ready.calcom.order("POST", "/_faults", fault)
    [wanted] = some(number, 1)
    before = ready.calcom.last()
    enqueue_bookings([wanted])

    def looks() -> list[dict[str, Any]]:
        return [call for call in ready.calcom.journal(before) if f"pat{number}%40" in call["target"]]

    until(lambda: bool(looks()), within=30, pause=Event().wait)
    answered = next(call for call in ready.calcom.journal(before) if call["status"] == 503)
    return float(looks()[0]["t0"]) - float(answered["t0"])

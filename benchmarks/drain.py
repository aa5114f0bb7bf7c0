"""How fast held bookings go through once Cal.com is back, as a share of what the same fleet books on a quiet day.

Three phases of one run: bookings sent while the breaker is closed; bookings held in an outage; the drain. Rates count
from the moment the fleet is fully at work: all are asked for, and as many have ended as the fleet has threads (in the
drain that is when the window, which grows by one a success, has reached the fleet's size).
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from environment import BenchmarkEnvironment, Calcom, benchmark_environment, some, until
from sqlalchemy import text

from db.lifecycle import Status
from tasks import dependencies
from worker import enqueue_bookings

BATCH = 500
TRIP = 8
OPEN = 2.0
# So long calls that the fleet waits for Cal.com, not for cores.
SHORT = ["--held", "1000", "--steady", "800", "--threads", "16", "--latency", "0.8"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    asked = _parser().parse_args(arguments)
    workers = [asked.threads] * asked.workers
    size = min(sum(workers), asked.window)
    settings: dict[str, Any] = {
        "circuit_breaker_half_open_timeout": OPEN,
        "hold_release_max": asked.window,
        "hold_max_age": 0,
        "calcom_settle_answered_seconds": 1.0,
    }
    with benchmark_environment(workers, latency=asked.latency, **settings) as ready:
        steady = _steady(ready, asked.steady, size)
        result = {
            "threads": sum(workers),
            "window": asked.window,
            "latency": asked.latency,
            "steady_per_second": steady,
        }
        result |= _drain(ready, asked.steady, asked.held, size)
    result["ratio"] = result["drain_per_second"] / steady
    if asked.json:
        print(json.dumps(result))
        return
    print(f"{'bookings held':32} {asked.held}")
    for name, value in result.items():
        print(f"{name.replace('_', ' '):32} {value:.2f}" if isinstance(value, float) else f"{name:32} {value}")


def pairs() -> Iterator[dict[str, float]]:
    """Run it twice, in a process each: Celery keeps its connections to the first deployment."""
    for _ in range(2):
        argv = [sys.executable, __file__, "--json", *SHORT]
        result = json.loads(subprocess.check_output(argv))
        first = result["first_confirmed_after_seconds"] / result["open_seconds"]
        yield {"drain": result["ratio"], "first_after_outage": first}


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--held", type=int, default=10_000, metavar="N", help="bookings held (10000)")
    made.add_argument("--steady", type=int, default=3_000, metavar="N", help="bookings for the steady rate (3000)")
    made.add_argument("--workers", type=int, default=2, metavar="N", help="worker processes (2)")
    made.add_argument("--threads", type=int, default=32, metavar="N", help="threads of each (32)")
    made.add_argument("--window", type=int, default=64, metavar="N", help="HOLD_RELEASE_MAX (64)")
    made.add_argument("--latency", type=float, default=0.5, metavar="S", help="what a call takes at Cal.com (0.5)")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def _steady(ready: BenchmarkEnvironment, count: int, size: int) -> float:
    """Return the bookings a second of a fleet that nothing holds up."""
    asked_by = _ask(0, count)
    _confirmed(count)
    ends = [float(call["t1"]) for call in ready.calcom.confirmed()]
    fully_at_work = max(asked_by, ends[size])
    return _rate(ready.calcom.confirmed(), min(fully_at_work, ends[count // 2]))  # a busy machine is slow to ask


def _drain(ready: BenchmarkEnvironment, first: int, count: int, size: int) -> dict[str, Any]:
    before = ready.calcom.last()
    ready.calcom.order("POST", "/_faults", {"kind": "status", "name": "unavailable"})
    _ask(first, TRIP)
    until(dependencies.current().breaker.is_open, within=30, pause=_pause)
    asked_from = time.monotonic()
    _ask(first + TRIP, count)
    held_in = time.monotonic() - asked_from
    ready.calcom.order("DELETE", "/_faults")
    back_at = time.monotonic()
    total = first + TRIP + count
    _confirmed(total)
    calls = ready.calcom.confirmed(before)
    return {
        "held_per_second_enqueued": count / held_in,
        "first_confirmed_after_seconds": float(calls[0]["t1"]) - back_at,
        "open_seconds": OPEN,
        "drain_per_second": _rate(calls, float(calls[size]["t1"])),
        "drain_seconds": float(calls[-1]["t1"]) - back_at,
        "out_of_order_most": _overtaken(calls),
        "trips_in_the_drain": _trips(ready.calcom, back_at),
    }


def _ask(first: int, count: int) -> float:
    """Enqueue; return when that was done."""
    for start in range(first, first + count, BATCH):
        enqueue_bookings(some(start, min(BATCH, first + count - start)))
    return time.monotonic()


def _confirmed(count: int) -> None:
    """Wait until as many bookings are confirmed in the database."""

    def enough() -> bool:
        with dependencies.current().engine.connect() as conn:
            query = text("SELECT count(*) FROM appointments WHERE status = :status")
            return bool(conn.execute(query, {"status": Status.CONFIRMED.value}).scalar_one() >= count)

    until(enough, within=600, pause=_pause)


def _rate(calls: list[dict[str, Any]], begin: float) -> float:
    ends = [float(call["t1"]) for call in calls if float(call["t1"]) > begin]
    return len(ends) / (ends[-1] - begin)


def _overtaken(calls: list[dict[str, Any]]) -> int:
    """Return how many bookings, at most, waited at the moment at which one that was requested later was posted."""
    with dependencies.current().engine.connect() as conn:
        held = "posts = 1 AND circuit_breaker_open_at_booking IS NOT NULL"
        query = text(f"SELECT uuid FROM appointments WHERE {held} ORDER BY requested_at, id")  # noqa: S608 - ours
        rank = {str(row.uuid): place for place, row in enumerate(conn.execute(query))}
    begun = sorted(calls, key=lambda call: float(call["t0"]))
    order = [rank[call["reference"]] for call in begun if call["reference"] in rank]
    furthest, most = -1, 0
    for posted, place in enumerate(order, start=1):
        furthest = max(furthest, place)
        most = max(most, furthest + 1 - posted)
    return most


def _trips(calcom: Calcom, since: float) -> int:
    """Return how many answers of the drain were failures: none may trip the breaker again."""
    calls = calcom.journal()
    failed = [call for call in calls if float(call["t0"]) > since + 0.1 and (call["status"] or 0) >= 500]
    return len(failed)


_pause = threading.Event().wait

if __name__ == "__main__":
    main()

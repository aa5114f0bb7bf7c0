"""How fast held bookings go through once Cal.com is back, as a share of what the same fleet can do in the same run.

Three phases: bookings sent while the breaker is closed; bookings held in an outage in which Cal.com refuses
connections; the drain. Its rate counts from the moment the window, which grows by one a success, has reached the
fleet's size. It stands beside the best ten seconds of the whole run, in which as many calls were in flight.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from beside_celery.answerer import Answerer
from beside_celery.stage import start_answerer
from environment import deployment, in_batches, open_breaker, some, until
from many_accounts.making import ENCRYPTION, add, ask
from sqlalchemy import text

from db.lifecycle import Status
from resilience.circuit_breaker.types import State
from tasks import dependencies
from worker import enqueue_bookings
from worker.local.embedded import Guard
from worker.local.processes import fleet

OPEN = 2.0
BEST = 10.0  # seconds
Call = tuple[str, float, float]
"""A POST: its reference, when it came and when it was answered."""
_names: list[str] = []  # of the accounts that ask in turn; none: one asks, alone


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    asked = _parser().parse_args(arguments)
    result = _run(asked)
    if asked.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):32} {value:.2f}" if isinstance(value, float) else f"{name:32} {value}")


def pairs() -> Iterator[dict[str, float]]:
    """Run it twice, in a process each: Celery keeps its connections to the first deployment."""
    for _ in range(2):
        result = json.loads(subprocess.check_output([sys.executable, __file__, "--json"]))
        rates = (f"{result[name]:.1f} a second" for name in ("drain_per_second", "best_per_second"))
        print("  drained {}, at best {}".format(*rates), file=sys.stderr, flush=True)
        first = result["first_confirmed_after_seconds"] / result["open_seconds"]
        yield {"drain": result["ratio"], "first_after_outage": first}


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--accounts", type=int, default=0, metavar="N", help="accounts that ask in turn (0: one, alone)")
    made.add_argument("--held", type=int, default=5_000, metavar="N", help="bookings held (5000)")
    made.add_argument("--steady", type=int, default=1_600, metavar="N", help="bookings before the outage (1600)")
    made.add_argument("--workers", type=int, default=2, metavar="N", help="worker processes (2)")
    made.add_argument("--threads", type=int, default=32, metavar="N", help="threads of each (32)")
    made.add_argument("--window", type=int, default=0, metavar="N", help="HOLD_RELEASE_MAX, 0: none (0)")
    made.add_argument("--latency", type=float, default=0.6, metavar="S", help="what a call takes at Cal.com (0.6)")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    return made


def _run(asked: argparse.Namespace) -> dict[str, Any]:
    workers = [asked.threads] * asked.workers
    settings = {"circuit_breaker_half_open_timeout": OPEN, "hold_release_max": asked.window, "hold_max_age": 0}
    with Guard() as guard:
        calcom = start_answerer(guard, asked.latency)
        with deployment(calcom_base_url=calcom.url, account_encryption_keys=ENCRYPTION, **settings) as ready:
            ready.processes.start_all(fleet(*workers))
            _names[:] = add(asked.accounts) if asked.accounts else []
            _ask(0, asked.steady)
            _confirmed(asked.steady)
            result = _drain(calcom, asked.steady, asked.held, min(sum(workers), asked.window or sum(workers)))
    result |= {"threads": sum(workers), "window": asked.window, "latency": asked.latency}
    return result | {"ratio": result["drain_per_second"] / result["best_per_second"]}


def _drain(calcom: Answerer, steady: int, count: int, size: int) -> dict[str, Any]:
    calcom.go()
    held_from = open_breaker(steady, _ask, pause=_pause)
    asked_from = time.monotonic()
    _ask(held_from, count)
    held_in = time.monotonic() - asked_from
    trips = _openings()
    calcom.come_back()
    back_at = time.monotonic()
    _confirmed(held_from + count)
    calls = calcom.calls()
    drained = calls[steady:]
    ends = sorted(end for _, _, end in drained)
    return {
        "held_per_second_enqueued": count / held_in,
        "first_confirmed_after_seconds": ends[0] - back_at,
        "open_seconds": OPEN,
        "drain_per_second": (len(ends) - size) / (ends[-1] - ends[size - 1]),
        "drain_seconds": ends[-1] - back_at,
        "best_per_second": _best(sorted(end for _, _, end in calls)),
        "out_of_order_most": _overtaken(drained),
        "trips_in_the_drain": _openings() - trips,
    }


def _ask(first: int, count: int) -> None:
    of_one = lambda start, number: enqueue_bookings(some(start, number))  # noqa: E731
    in_batches(first, count, partial(ask, _names) if _names else of_one)


def _confirmed(count: int) -> None:
    """Wait until as many bookings are confirmed in the database."""

    def enough() -> bool:
        with dependencies.current().engine.connect() as conn:
            query = text("SELECT count(*) FROM appointments WHERE status = :status")
            return bool(conn.execute(query, {"status": Status.CONFIRMED.value}).scalar_one() >= count)

    until(enough, within=600, pause=_pause)


def _best(ends: Sequence[float]) -> float:
    """Return the bookings a second of the best ten seconds."""
    return max(bisect_left(ends, begin + BEST) - number for number, begin in enumerate(ends)) / BEST


def _overtaken(calls: Sequence[Call]) -> int:
    """Return how many bookings, at most, waited at the moment at which one that was requested later was posted."""
    with dependencies.current().engine.connect() as conn:
        held = "posts = 1 AND circuit_breaker_open_at_booking IS NOT NULL"
        query = text(f"SELECT uuid FROM appointments WHERE {held} ORDER BY requested_at, id")  # noqa: S608 - ours
        rank = {str(row.uuid): place for place, row in enumerate(conn.execute(query))}
    begun = sorted(calls, key=lambda call: call[1])
    order = [rank[reference] for reference, _, _ in begun if reference in rank]
    furthest, most = -1, 0
    for posted, place in enumerate(order, start=1):
        furthest = max(furthest, place)
        most = max(most, furthest + 1 - posted)
    return most


def _openings() -> int:
    """Return how often the breaker has opened: in the drain it may not."""
    return sum(change.new is State.OPEN for change in dependencies.current().breaker.view.transitions(count=1000))


_pause = threading.Event().wait

if __name__ == "__main__":
    main()

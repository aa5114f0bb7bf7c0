"""How long 150 calls take at a Cal.com that allows 60 a minute and tells it in its answers only; minutes are real.

Calls last a second on average, 16 are in flight, and answers come out of order. Our own CALCOM_RATE_LIMIT_PER_MINUTE is
none, far too large, above and equal to what Cal.com allows. Ends with 1 when a call was one too many (429), or the last
one was too late.
"""

import argparse
import json
import math
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from environment import benchmark_environment, some, until

from worker import enqueue_bookings

CALLS, ALLOWED = 150, 60
OWN, NONE = 100, 0
LASTING = (0.5, 1.5)  # seconds of Cal.com's work
WITHIN = {0: 130.0, 100_000: 130.0, 100: 145.0, 60: 160.0}
"""Seconds from the first call to the last answer, at each of our own settings."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return the exit code."""
    asked = _parser().parse_args(arguments)
    # A process for each deployment: Celery keeps its connections to the first.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as each:
        results = list(each.map(_run, asked.ours))
    if asked.json:
        print(json.dumps(results))
    else:
        print("our setting   calls    429  seconds  at most  busiest minute")
        for one in results:
            print("{ours:11}  {calls:6}  {refused:5}  {seconds:7.1f}  {within:7.0f}  {busiest:7}".format(**one))
    return 1 if any(one["refused"] or one["seconds"] > one["within"] for one in results) else 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    settings = list(WITHIN)
    made.add_argument("--ours", type=int, nargs="+", choices=settings, default=settings, metavar="N", help="only these")
    made.add_argument("--json", action="store_true", help="print one line of JSON")
    return made


def pairs() -> Iterator[dict[str, float]]:
    """Measure once each, side by side, for both take minutes: Cal.com's limit alone, and our own alone."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as each:
        told, own = each.submit(_run, 0), each.submit(_run, OWN, NONE)
        # A whole limit goes at once, and the rest when the next windows begin.
        yield {"told_limit": (math.ceil(CALLS / ALLOWED) - 1) * 60 / told.result()["seconds"]}
        yield {"own_limit": own.result()["calls"] * 60 / own.result()["seconds"] / OWN}


def _run(ours: int, allowed: int = ALLOWED) -> dict[str, Any]:
    with benchmark_environment([8, 8], latency=LASTING[0], calcom_rate_limit_per_minute=ours) as ready:
        ready.calcom.order("POST", "/_settings", {"rate_limit": allowed, "latency": LASTING})
        enqueue_bookings(some(0, CALLS))
        until(lambda: len(ready.calcom.confirmed()) >= CALLS, within=900, pause=threading.Event().wait)
        journal = ready.calcom.journal()
    begun = sorted(float(call["t0"]) for call in journal)
    return {
        "ours": ours,
        "calls": len(journal),
        "refused": sum(call["status"] == 429 for call in journal),
        "seconds": max(float(call["t1"]) for call in journal) - begun[0],
        "within": WITHIN.get(ours),
        "busiest": max(sum(first <= one < first + 60 for one in begun) for first in begun),
    }


if __name__ == "__main__":
    sys.exit(main())

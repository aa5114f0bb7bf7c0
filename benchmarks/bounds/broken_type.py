"""Ten requests for an event type that always answers 500, and 2 s later sixty for another: how long those take.

The ten open the breaker. OPEN is 5 s here, and no rate limit; the other settings are the defaults. The figure is
the time from a request to its 201, the 95th of a hundred; 3 s are what is left of OPEN, and the shortest possible time.
"""

import sys
import threading
import time
from collections.abc import Iterator
from statistics import quantiles

from beside_celery.bad_day import BROKEN, OPEN, POST
from environment import benchmark_environment, some, until

from worker import enqueue_bookings

BROKEN_FIRST, OTHERS = 10, 60
LATER = 2.0  # seconds
_pause = threading.Event().wait


def pairs() -> Iterator[dict[str, float]]:
    """Let the others wait behind the broken ones, once."""
    with benchmark_environment([8, 8], latency=0.05, circuit_breaker_half_open_timeout=OPEN) as ready:
        ready.calcom.order("POST", "/_event_types", {"id": BROKEN, "exclusive": False})
        fault = {"kind": "status", "name": "internal", "match": POST | {"event_type_id": BROKEN}}
        ready.calcom.order("POST", "/_faults", fault)
        first = [one.model_copy(update={"event_type_id": BROKEN}) for one in some(0, BROKEN_FIRST)]
        enqueue_bookings(first)
        _pause(LATER)
        at = time.monotonic()
        enqueue_bookings(some(BROKEN_FIRST, OTHERS))
        until(lambda: len(ready.calcom.confirmed()) >= OTHERS, within=120, pause=_pause)
        took = [float(call["t1"]) - at for call in ready.calcom.confirmed()]
        p95 = quantiles(took, n=100)[94]
    print(f"  broken_type_first: p95 of the others {p95:.1f} s", file=sys.stderr, flush=True)
    yield {"broken_type_first": p95 / OPEN}


if __name__ == "__main__":
    print(next(pairs()))

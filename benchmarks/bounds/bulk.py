"""What a request costs in a bulk of 200,000 beside one in a bulk of 10,000: to be kept, and to be found known.

Each bulk is sent twice, as a caller does who was not answered; no worker is there. Once, for it takes two minutes.
"""

import sys
import time
from collections.abc import Iterator
from datetime import timedelta

from environment import deployment, some

from booking_client.request.model import BookingRequest
from worker import enqueue_bookings

FEW, MANY = 10_000, 200_000


def pairs() -> Iterator[dict[str, float]]:
    """Send a small bulk, a huge one, and another small one."""
    with deployment():
        _send(0, 100)  # warm
        before, many, after = _send(1_000_000, FEW), _send(2_000_000, MANY), _send(3_000_000, FEW)
        yield {"enqueue_huge": many / MANY / ((before + after) / (2 * FEW))}


def _send(first: int, count: int) -> float:
    """Return how many seconds it took to send a bulk twice.

    Raises:
        SystemExit: A request has no answer, or another one the second time.
    """
    wanted = _bulk(first, count)
    begun = time.monotonic()
    kept = enqueue_bookings(wanted)
    kept_after = time.monotonic() - begun
    again = enqueue_bookings(wanted)
    took = time.monotonic() - begun
    if [one.appointment_id for one in kept] != [one.appointment_id for one in again] or len(kept) != count:
        raise SystemExit("a bulk that was sent again was not answered as before")
    print(f"{count:,}: kept in {kept_after:.1f} s, known in {took - kept_after:.1f} s", file=sys.stderr, flush=True)
    return took


def _bulk(first: int, count: int) -> list[BookingRequest]:
    [one] = some(0, 1)
    numbers = range(first, first + count)
    return [one.model_copy(update={"start": one.start + number * timedelta(minutes=1)}) for number in numbers]

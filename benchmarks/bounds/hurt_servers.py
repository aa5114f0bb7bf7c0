"""How long a caller waits whose broker or whose Postgres is frozen, beside a wait of one second."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from environment import benchmark_environment, frozen, some

from booking_client.request.model import BookingRequest
from resilience.exceptions import AppointmentDatabaseException
from worker import enqueue_booking

ROUNDS = 5


def pairs() -> Iterator[dict[str, float]]:
    """Freeze one after the other."""
    with benchmark_environment([1], latency=0.0) as ready:
        enqueue_booking(some(0, 1)[0])
        for number in range(1, 1 + ROUNDS):
            second = _seconds(lambda: threading.Event().wait(1.0))
            with frozen(ready.redis):
                broker = _seconds(partial(enqueue_booking, *some(number, 1)))
            with frozen(ready.postgres):
                postgres = _seconds(partial(_refused, *some(number, 1)))
            yield {"hurt_broker": broker / second, "hurt_postgres": postgres / second}


def _refused(wanted: BookingRequest) -> None:
    with contextlib.suppress(AppointmentDatabaseException):
        enqueue_booking(wanted)
        raise SystemExit("a frozen Postgres has kept a booking")


def _seconds(do: Callable[[], object]) -> float:
    begun = time.monotonic()
    do()
    return time.monotonic() - begun

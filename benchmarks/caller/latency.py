"""How long it takes from a client's request to the POST at Cal.com on an idle system, beside `enqueue_booking`'s.

The client stores the row and notifies; the dispatcher in the maintenance process sends the message, which
`enqueue_booking` sends itself.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator

from beside_celery.answerer import Answerer
from beside_celery.stage import start_answerer
from environment import deployment, some, until

from booking_client import Bookings
from worker import enqueue_booking
from worker.local.embedded import Guard
from worker.local.processes import fleet

PAIRS, TURNS, WARM = 5, 40, 20
WORKERS = (64, 64)  # threads of each, as in idle_latency
QUIET = 0.02  # seconds after an answer, for what follows it
WITHIN = 30.0


def pairs() -> Iterator[dict[str, float]]:
    """Ask both in turn, one request at a time."""
    with Guard() as guard:
        answerer = start_answerer(guard, 0.0)
        with deployment(calcom_base_url=answerer.url) as ready:
            ready.processes.start_all(fleet(*WORKERS))
            with Bookings(ready.settings.database_url or "") as bookings:
                list(_turns(bookings, answerer, 0, WARM))
                for turn in range(PAIRS):
                    client, product = zip(*_turns(bookings, answerer, WARM + turn * TURNS, TURNS), strict=True)
                    yield {"client_latency": statistics.median(client) / statistics.median(product)}


def _turns(bookings: Bookings, answerer: Answerer, first: int, count: int) -> Iterator[tuple[float, float]]:
    wanted = some(2 * first, 2 * count)
    for client, product in zip(wanted[::2], wanted[1::2], strict=True):
        yield (
            _until_posted(answerer, lambda: bookings.enqueue(client)),  # noqa: B023 - called at once
            _until_posted(answerer, lambda: enqueue_booking(product)),  # noqa: B023 - the same
        )


def _until_posted(answerer: Answerer, ask: Callable[[], object]) -> float:
    before = answerer.count()
    begun = time.monotonic()
    ask()
    _pause(QUIET)
    until(lambda: answerer.count() > before, within=WITHIN, pause=lambda _: _pause(QUIET))
    [(_, came, _)] = answerer.calls(before)
    _pause(QUIET)
    return came - begun


_pause = threading.Event().wait

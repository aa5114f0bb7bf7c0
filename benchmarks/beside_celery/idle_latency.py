"""How long it takes from the request to the POST at Cal.com while nothing else is to be done, beside plain Celery.

Ours has written the row, asked the breaker and claimed the booking by then; plain Celery has sent a message.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator

from beside_celery.plain_celery import book
from beside_celery.stage import KEY, Stage, plain_body, stage
from environment import some, until

from worker import enqueue_booking

PAIRS, TURNS, WARM = 5, 40, 20
QUIET = 0.02  # seconds after an answer, for what follows it
WITHIN = 30.0


def pairs() -> Iterator[dict[str, float]]:
    """Ask both in turn, one request at a time."""
    with stage(latency=0.0) as scene:
        list(_turns(scene, 0, WARM))
        for turn in range(PAIRS):
            ours, theirs = zip(*_turns(scene, WARM + turn * TURNS, TURNS), strict=True)
            yield {"idle_latency": statistics.median(ours) / statistics.median(theirs)}


def _turns(scene: Stage, first: int, count: int) -> Iterator[tuple[float, float]]:
    wanted = some(2 * first, 2 * count)
    for number, (ours, theirs) in enumerate(zip(wanted[::2], wanted[1::2], strict=True), first):
        given = (scene.answerer.url, KEY, plain_body(number, theirs))
        yield (
            _until_posted(scene, lambda: enqueue_booking(ours)),  # noqa: B023 - called at once
            _until_posted(scene, lambda: book.apply_async(given, connection=scene.plain_broker)),  # noqa: B023 - the same
        )


def _until_posted(scene: Stage, ask: Callable[[], object]) -> float:
    before = scene.answerer.count()
    begun = time.monotonic()
    ask()
    _pause(QUIET)
    until(lambda: scene.answerer.count() > before, within=WITHIN, pause=lambda _: _pause(QUIET))
    [(_, came, _)] = scene.answerer.calls(before)
    _pause(QUIET)
    return came - begun


_pause = threading.Event().wait

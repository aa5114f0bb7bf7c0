"""How many bookings a second go through the product, and what CPU of its workers each takes, beside plain Celery.

Both make the same HTTP call. At a Cal.com of 50 ms plain Celery does nothing else; at an instant one, where nobody
waits for anybody, it also writes the row down.
"""

from collections.abc import Iterator

from beside_celery.plain_celery import book, book_and_keep
from beside_celery.stage import KEY, Stage, plain_body, plain_row, stage
from environment import some

from worker import enqueue_bookings

PAIRS, COUNT, WARM = 5, 800, 200
LATENCY = 0.05  # seconds


def pairs() -> Iterator[dict[str, float]]:
    """Fight at a Cal.com that takes its time, then at an instant one."""
    with stage(latency=LATENCY) as scene:
        _pair(scene, 0, WARM, keep=False)
        for turn in range(1, 1 + PAIRS):
            rate, cpu = _pair(scene, turn, COUNT, keep=False)
            yield {"throughput": rate, "worker_cpu": cpu}
        scene.answerer.take(0.0)
        _pair(scene, 1 + PAIRS, WARM, keep=True)
        for turn in range(2 + PAIRS, 2 + 2 * PAIRS):
            rate, _ = _pair(scene, turn, COUNT, keep=True)
            yield {"throughput_instant": rate}


def _pair(scene: Stage, turn: int, count: int, *, keep: bool) -> tuple[float, float]:
    """Return our rate, and our CPU of a booking, as shares of plain Celery's."""
    ours = some(2 * turn * COUNT, count)
    first = (2 * turn + 1) * COUNT
    wanted = list(enumerate(some(first, count), first))

    def ask_plain() -> None:
        for number, one in wanted:
            given = (scene.answerer.url, KEY, plain_body(number, one))
            if keep:
                book_and_keep.apply_async((*given, plain_row(number, one)), connection=scene.plain_broker)
            else:
                book.apply_async(given, connection=scene.plain_broker)

    rate, cpu = scene.fight(scene.ours, lambda: enqueue_bookings(ours), count)
    plain_rate, plain_cpu = scene.fight(scene.plain, ask_plain, count)
    return rate / plain_rate, cpu / plain_cpu

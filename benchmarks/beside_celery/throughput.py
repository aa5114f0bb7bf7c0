"""How many bookings a second go through the product, and what CPU of its workers each takes, beside plain Celery.

Both make the same HTTP call. At a Cal.com of 50 ms plain Celery does nothing else, by a session that keeps its
connection, or (`bare`) by `requests.post` as most people write it; at an instant one, where nobody waits for anybody,
it also writes the row down.
"""

from collections.abc import Iterator
from typing import Any

from beside_celery.plain_celery import book, book_and_keep, book_bare
from beside_celery.stage import KEY, Stage, plain_body, plain_row, stage
from environment import some

from worker import enqueue_bookings

PAIRS, COUNT, WARM = 5, 800, 200
LATENCY = 0.05  # seconds
FEW, SOME = 8, 32  # threads of each of the two processes; the stage's own are 64


def pairs() -> Iterator[dict[str, float]]:
    """Fight at a Cal.com that takes its time, with few threads and many, then at an instant one."""
    for threads, name in ((FEW, "throughput_8"), (SOME, "throughput_32")):
        with stage(latency=LATENCY, threads=threads) as scene:
            yield from _pairs(scene, 0, book, name)
            if threads == FEW:
                yield from _pairs(scene, 1 + PAIRS, book_bare, "throughput_bare_8")
    with stage(latency=LATENCY) as scene:
        yield from _pairs(scene, 0, book, "throughput", "worker_cpu")
        yield from _pairs(scene, 1 + PAIRS, book_bare, "throughput_bare")
        scene.answerer.take(0.0)
        yield from _pairs(scene, 2 + 2 * PAIRS, book_and_keep, "throughput_instant")


def _pairs(
    scene: Stage, first: int, plain: Any, rate_name: str, cpu_name: str | None = None
) -> Iterator[dict[str, float]]:
    """Warm both up in the turn `first`, then measure pairs, beside this task of plain Celery."""
    _pair(scene, first, WARM, plain)
    for turn in range(first + 1, first + 1 + PAIRS):
        rate, cpu = _pair(scene, turn, COUNT, plain)
        yield {rate_name: rate} | ({} if cpu_name is None else {cpu_name: cpu})


def _pair(scene: Stage, turn: int, count: int, plain: Any) -> tuple[float, float]:
    """Return our rate, and our CPU of a booking, as shares of plain Celery's."""
    ours = some(2 * turn * COUNT, count)
    first = (2 * turn + 1) * COUNT
    wanted = list(enumerate(some(first, count), first))

    def ask_plain() -> None:
        for number, one in wanted:
            row = [plain_row(number, one)] if plain is book_and_keep else []
            given = (scene.answerer.url, KEY, plain_body(number, one), *row)
            plain.apply_async(given, connection=scene.plain_broker)

    rate, cpu = scene.fight(scene.ours, lambda: enqueue_bookings(ours), count)
    plain_rate, plain_cpu = scene.fight(scene.plain, ask_plain, count)
    return rate / plain_rate, cpu / plain_cpu

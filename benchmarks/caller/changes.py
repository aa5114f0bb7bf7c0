"""How long a move and a cancel take on an idle system, from the wish to its end in the record, beside a booking's.

Both are measured in the record: from the moment at which it was asked for to the last write of its row. The simulator
stands for Cal.com in all three; its calls take the same.
"""

import statistics
import threading
from collections.abc import Iterator

from environment import benchmark_environment, some, start_of, until
from sqlalchemy import text

from tasks import dependencies
from worker import cancel_booking, enqueue_booking, reschedule_booking

PAIRS, TURNS, WARM = 5, 20, 5
WORKERS = (64, 64)  # threads of each, as in idle_latency
WITHIN = 30.0
_TOOK = "SELECT CAST(extract(epoch FROM updated_at - requested_at) AS float8)"
_BOOKED = f"{_TOOK} FROM appointments WHERE id = :id AND status = 'confirmed'"
_CHANGED = f"{_TOOK} FROM booking_changes WHERE id = :id AND status = 'done'"
_pause = threading.Event().wait


def pairs() -> Iterator[dict[str, float]]:
    """Book one, move it and cancel it, one wish at a time."""
    with benchmark_environment(WORKERS, latency=0.0):
        _medians(0, WARM)
        for turn in range(PAIRS):
            booked, moved, cancelled = _medians(WARM + turn * TURNS, TURNS)
            yield {"move_latency": moved / booked, "cancel_latency": cancelled / booked}


def _medians(first: int, count: int) -> list[float]:
    taken = [_turn(number) for number in range(first, first + count)]
    return [statistics.median(one) for one in zip(*taken, strict=True)]


def _turn(number: int) -> tuple[float, float, float]:
    """Return the seconds of a booking, of its move and of its cancel."""
    [request] = some(2 * number, 1)
    booking = enqueue_booking(request).appointment_id
    booked = _seconds(_BOOKED, booking)
    moved = _seconds(_CHANGED, reschedule_booking(booking, start_of(2 * number + 1)).change_id)
    return booked, moved, _seconds(_CHANGED, cancel_booking(booking).change_id)


def _seconds(statement: str, number: int | None) -> float:
    """Return how long it took; each look at the record comes after a pause, so that it takes nothing from the work."""
    found: list[float] = []

    def is_over() -> bool:
        with dependencies.current().autocommit.connect() as conn:
            found[:] = conn.execute(text(statement), {"id": number}).scalars()
        return bool(found)

    until(is_over, within=WITHIN, pause=lambda _: _pause(0.05))
    return found[0]

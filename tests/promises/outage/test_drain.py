"""Once Cal.com is back nobody waits for nothing: in order, gently, and then as fast as the fleet can."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from resilience.circuit_breaker.types import State
from tasks import dependencies
from tests.promises.brokers import Broker
from tests.support.fleet import Fleet, eventually, request
from worker import enqueue_bookings

HELD, THREADS, WINDOW = 200, 12, 64
TRIP = 10  # bookings whose POSTs open the breaker: each of these is looked for before it is posted again
LATENCY = 0.4  # seconds; so long that those who are let go together are under way together
LONG = "60"  # seconds; no call of this test is given up
TRIPPED = "SELECT 1 FROM circuit_breaker_events WHERE old_state = 'closed' AND new_state = 'open'"


def rows(query: str) -> list[Any]:
    """Read the database directly."""
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text(query)))


def booked_by(simulator: Any, since: int) -> list[dict[str, Any]]:
    """Return the POSTs that booked after entry `since`, as they ended."""
    calls = [call for call in simulator.journal(since) if call["uid"] and call["t1"]]
    return sorted(calls, key=lambda call: float(call["t1"]))


def under_way(simulator: Any) -> int:
    """Count the calls that have not ended."""
    return sum(call["t1"] is None for call in simulator.journal())


def enqueue(first: int, count: int) -> None:
    """Enqueue in batches, as an importer does."""
    for start in range(first, first + count, 500):
        enqueue_bookings([request(number) for number in range(start, min(start + 500, first + count))])


def confirmed(count: int) -> None:
    """Wait until so many bookings are confirmed."""
    eventually(
        lambda: rows("SELECT count(*) FROM appointments WHERE status = 'confirmed'")[0][0] >= count,
        within=120,
        what=f"{count} confirmed",
    )


def most_overtaken(calls: list[dict[str, Any]]) -> int:
    """Return how many held bookings, at most, were still unposted when one that was requested later was posted."""
    asked = rows(f"SELECT uuid FROM appointments WHERE posts = 1 AND id > {1 + TRIP} ORDER BY requested_at, id")  # noqa: S608 - ours
    rank = {str(row.uuid): place for place, row in enumerate(asked)}
    begun = sorted(calls, key=lambda call: float(call["t0"]))
    order = [rank[call["reference"]] for call in begun if call["reference"] in rank]
    furthest, most = -1, 0
    for posted, place in enumerate(order, start=1):
        furthest = max(furthest, place)
        most = max(most, furthest + 1 - posted)
    return most


@pytest.mark.long
def test_held_bookings_drain_in_order_with_the_whole_fleet_at_work(
    fleet: Callable[..., Fleet], simulator: Any, broker: Broker
) -> None:
    """Nobody is overtaken beyond the window, nothing trips again; soon each thread of the fleet has one.

    What that is in bookings a second is measured by benchmarks/drain.py.
    """
    patient = {"CALCOM_READ_TIMEOUT": LONG, "CALCOM_DEADLINE": LONG}
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="5", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="2", **patient, **broker.settings)
    running.start(concurrency=THREADS)
    enqueue(0, 1)
    confirmed(1)
    simulator.faults("status", name="unavailable")
    enqueue(1, TRIP)
    breaker = dependencies.current().breaker
    eventually(lambda: breaker.get_status().state is not State.CLOSED, what="the breaker opens")
    enqueue(1 + TRIP, HELD)
    eventually(lambda: rows("SELECT count(*) FROM appointments WHERE status = 'held'")[0][0] >= HELD, what="all held")
    simulator.no_faults()
    simulator.faults("latency", delay=LATENCY)
    before = len(simulator.journal())
    confirmed(1 + TRIP + HELD // 3)  # by then more may go at once than there are threads
    simulator.faults("stall", step="insert", delay=50)
    eventually(lambda: under_way(simulator) == THREADS, within=40, what="each thread has one")
    simulator.no_faults()
    confirmed(1 + TRIP + HELD)

    calls = booked_by(simulator, before)
    assert len(rows(TRIPPED)) == 1
    assert most_overtaken(calls) <= WINDOW

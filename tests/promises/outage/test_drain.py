"""Once Cal.com is back nobody waits for nothing: in order, gently, and then as fast as the fleet can."""

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from sqlalchemy import text

from resilience.circuit_breaker.types import Reason, State
from tasks import dependencies
from tasks.guarded_calls import CREATE
from tests.support.fleet import Fleet, eventually, request
from worker import enqueue_bookings

HELD, STEADY, THREADS, WINDOW = 280, 120, 12, 64
BLOCK = 3 * THREADS
TRIP = 10  # bookings whose POSTs open the breaker: each of these is looked for before it is posted again
OPEN, LATENCY = 2.0, 0.4  # seconds; so long that the fleet waits for Cal.com and not for the machine


def rows(query: str) -> list[Any]:
    """Read the database directly."""
    with dependencies.current().engine.connect() as conn:
        return list(conn.execute(text(query)))


def booked_by(simulator: Any, since: int) -> list[dict[str, Any]]:
    """Return the POSTs that booked after entry `since`, as they ended."""
    calls = [call for call in simulator.journal(since) if call["uid"] and call["t1"]]
    return sorted(calls, key=lambda call: float(call["t1"]))


def rate(calls: list[dict[str, Any]], begin: int = THREADS) -> float:
    """Return bookings a second from the moment so many have ended; at first, as many as the fleet has threads.

    The median of blocks, so that a second in which the machine did something else does not count.
    """
    ends = [float(call["t1"]) for call in calls[begin:]]
    return median(BLOCK / (last - first) for first, last in pairwise(ends[::BLOCK]))


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
    asked = rows(f"SELECT uuid FROM appointments WHERE posts = 1 AND id > {STEADY + TRIP} ORDER BY requested_at, id")  # noqa: S608 - ours
    rank = {str(row.uuid): place for place, row in enumerate(asked)}
    begun = sorted(calls, key=lambda call: float(call["t0"]))
    order = [rank[call["reference"]] for call in begun if call["reference"] in rank]
    furthest, most = -1, 0
    for posted, place in enumerate(order, start=1):
        furthest = max(furthest, place)
        most = max(most, furthest + 1 - posted)
    return most


@pytest.mark.alone
def test_held_bookings_drain_in_order_at_the_fleets_own_rate(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """0.8 of the steady rate, the first within the open window + 2 s, nobody overtaken beyond the window, no trip."""
    simulator.faults("latency", delay=LATENCY)
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="5", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT=str(OPEN))
    running.start(concurrency=THREADS)
    enqueue(0, STEADY)
    confirmed(STEADY)
    steady = rate(booked_by(simulator, 0))

    simulator.faults("status", name="unavailable")
    before = len(simulator.journal())
    enqueue(STEADY, TRIP)
    breaker = dependencies.current().breaker
    eventually(lambda: breaker.get_status().state is not State.CLOSED, what="the breaker opens")
    enqueue(STEADY + TRIP, HELD)

    def long_open() -> float | None:
        """Say how long OPEN still lasts, when no probe is under way."""
        view = breaker.release_quota(CREATE)
        rest = view.retry_after or 0.0
        is_open = State.OPEN in (view.state, view.endpoint_state) and view.reason is Reason.BREAKER_OPEN
        return rest if is_open and rest > OPEN / 4 else None

    rest = eventually(long_open)
    simulator.no_faults()
    simulator.faults("latency", delay=LATENCY)
    back = rows("SELECT clock_timestamp()")[0][0]
    confirmed(STEADY + TRIP + HELD)

    calls = booked_by(simulator, before)
    told = f"SELECT min(created_at) FROM appointment_events WHERE kind = 'confirmed' AND appointment_id > {STEADY}"  # noqa: S608 - ours
    [(first,)] = rows(told)
    assert (first - back).total_seconds() <= rest + 2
    assert most_overtaken(calls) <= WINDOW
    trips = f"SELECT 1 FROM circuit_breaker_events WHERE new_state = 'open' AND created_at > '{back}'"  # noqa: S608 - ours
    assert not rows(trips)

    enqueue(STEADY + TRIP + HELD, STEADY)  # once more, for other work on the machine comes and goes
    confirmed(2 * STEADY + TRIP + HELD)
    steady_again = rate(booked_by(simulator, int(calls[-1]["n"])))
    drained = rate(calls, TRIP + THREADS)  # the window, which grows by one a success, is larger than the fleet by then
    assert drained >= 0.8 * min(steady, steady_again)

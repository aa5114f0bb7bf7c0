"""Promise 4: of those who want one time the first who asked is tried first, whatever became of the probes."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from booking_client.request.model import BookingRequest
from db.lifecycle import Status
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tests.support.fleet import Fleet, eventually, finals, request
from worker import enqueue_booking

TIMES, CALLERS = 8, 4
PROBES = "SELECT count(*) FROM circuit_breaker_events WHERE old_state = 'half_open' AND new_state = 'open'"


def asked(number: int, caller: int) -> BookingRequest:
    """Ask for the slot of a number, as one of several callers."""
    name = f"caller{number}.{caller}"
    attendee = {"name": "Pat Example", "email": f"{name}@example.com", "time_zone": "Europe/Berlin"}
    return request(number, 101, attendee=attendee)


def failed_probes() -> int:
    """Count the probes that have failed."""
    with dependencies.current().engine.connect() as conn:
        return int(conn.execute(text(PROBES)).scalar_one())


@pytest.mark.long
@pytest.mark.parametrize("fault", [("status", {"name": "unavailable"}), ("reset", {})], ids=["503", "reset"])
def test_in_an_outage_a_time_goes_to_who_asked_first(
    fleet: Callable[..., Fleet], simulator: Any, fault: tuple[str, dict[str, Any]]
) -> None:
    """Eight times, four callers each: their requests open the breaker, and three of them are probes that fail."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="5", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1", CALCOM_SETTLE_SECONDS="10")
    running.start(concurrency=8)
    kind, how = fault
    simulator.faults(kind, **how)
    ids = {
        (number, caller): enqueue_booking(asked(number, caller)).appointment_id
        for caller in range(CALLERS)
        for number in range(TIMES)
    }
    breaker = dependencies.current().breaker
    eventually(lambda: breaker.get_status().state is not State.CLOSED, what="the breaker opens")
    eventually(lambda: failed_probes() >= 3, within=60, what="three failed probes")
    simulator.no_faults()
    ended = finals(list(ids.values()), within=150)

    won = {
        number: [caller for caller in range(CALLERS) if ended[ids[number, caller]].status is Status.CONFIRMED]
        for number in range(TIMES)
    }
    assert won == {number: [0] for number in range(TIMES)}

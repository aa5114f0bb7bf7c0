"""A breaker that Redis forgot in an outage, with nobody left who remembers, is not open in the record for ever."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from db.monitoring import report
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.maintenance.breaker_transitions import record_transitions
from worker.wiring import build


def last_state(engine: Any) -> str:
    """Return the newest state that bookings met, of the service's breaker and of their calls', by the record."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    with engine.connect() as conn:
        return report.breaker_states(conn, "calcom", CREATE, now - hour, now + hour)[-1][1]


@pytest.mark.parametrize("outcome", [CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT])
def test_a_report_after_a_restart_from_nothing_shows_the_breaker_closed(
    settings: Callable[..., dict[str, str]], record: Any, redis_url: str, outcome: CallOutcome
) -> None:
    """The service's own, and that of the calls which book."""
    settings(CIRCUIT_BREAKER_THRESHOLD="3")
    breaker = dependencies.current().breaker
    for number in range(3):
        permit = breaker.acquire(CREATE, owner=f"call {number}")
        assert isinstance(permit, Permit)
        breaker.record(permit, outcome, reason="http_500")
    assert record_transitions() >= 1
    assert last_state(record.engine) == "open"

    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    dependencies.current().engine.dispose()
    dependencies.fill(build)  # a process that remembers nothing
    record_transitions()
    record_transitions()

    assert last_state(record.engine) == "closed"

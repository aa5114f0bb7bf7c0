"""Promises 1 and 5: alone with a Cal.com that fails, a booking waits no longer and ends no worse than in a crowd."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tests.support.fleet import request
from tests.support.stepping import POST, accept, carry, carry_until, state

Settings = Callable[..., dict[str, str]]
Counts = Callable[[], Counter[str]]
PLAIN = 101
UNREACHABLE = (Status.HELD, HoldReason.UNREACHABLE)
# Never opened: a booking that is alone has too few calls for that.
TIMES = {
    "CALCOM_SETTLE_ANSWERED_SECONDS": "5",
    "CALCOM_SETTLE_SECONDS": "130",
    "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "30",
    "CIRCUIT_BREAKER_THRESHOLD": "1001",
    "RETRY_DELAYS": "1,2,4",
}


@pytest.mark.variants
@pytest.mark.parametrize("name", ["database_down", "database"])
def test_a_booking_alone_outlives_minutes_of_errors(
    settings: Settings, simulator: Any, booked: Counts, name: str
) -> None:
    """Its retries are used up after seconds; Cal.com, whose POST fails and whose reads are well, is well later."""
    settings(**TIMES)
    simulator.faults("status", name=name, match=POST)
    [one] = accept(request(1, PLAIN))
    held = carry_until(one, lambda now: state(now) == UNREACHABLE, every=30, attempts=20)
    assert held.retry_count == 3

    simulator.no_faults()

    assert carry(one, after=30).status is Status.CONFIRMED
    assert booked() == {str(held.uuid): 1}


def test_errors_that_outlast_the_longest_hold_fail_it(settings: Settings, simulator: Any) -> None:
    """So an event type that always fails comes to its end, and its customer hears so."""
    settings(**TIMES, HOLD_MAX_AGE="600")
    simulator.faults("status", name="database_down", match=POST)
    [one] = accept(request(1, PLAIN))

    end = carry_until(one, lambda now: now.status is Status.FAILED, every=30, attempts=60)

    assert timedelta(minutes=10) <= end.updated_at - end.requested_at <= timedelta(minutes=15)


def test_a_look_waits_for_no_retry_after(settings: Settings, simulator: Any) -> None:
    """Cal.com has booked it, and asks for two hours of patience: its customer is told in seconds."""
    settings(**TIMES)
    simulator.faults("commit_then_status", name="unavailable", count=1, retry_after=7200, match=POST)
    [one] = accept(request(1, PLAIN))

    waits = carry(one)

    assert waits.next_attempt_at is not None
    assert (waits.next_attempt_at - waits.updated_at).total_seconds() <= 5, "its settle time"
    assert carry(one, after=5).status is Status.CONFIRMED


def test_a_list_that_asks_for_patience_puts_off_no_look(settings: Settings, simulator: Any) -> None:
    """It is asked again after 1, 2, 4 s, as when it says nothing."""
    settings(**TIMES)
    simulator.faults("commit_then_reset", count=1, match=POST)
    simulator.faults("status", name="unavailable", count=1, retry_after=7200, match={"method": "GET"})
    [one] = accept(request(1, PLAIN))
    carry(one)

    waits = carry(one, after=1)

    assert waits.next_attempt_at is not None
    assert (waits.next_attempt_at - waits.updated_at).total_seconds() <= 4
    assert carry(one, after=4).status is Status.CONFIRMED


@pytest.mark.parametrize("fault", ["bad_gateway", "gateway_timeout"])
def test_no_look_is_put_off_past_the_start(settings: Settings, simulator: Any, fault: str) -> None:
    """What has not settled when its start comes is looked for by then: who stands at the door must know."""
    settings(**TIMES)
    simulator.faults("status", name=fault, match=POST, count=1)
    [one] = accept(request(1, 104, start=datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=60)))
    carry(one)

    held = carry_until(one, lambda now: now.status is Status.HELD, every=1, attempts=6)

    assert held.hold_until is not None
    assert held.hold_until <= held.start_at

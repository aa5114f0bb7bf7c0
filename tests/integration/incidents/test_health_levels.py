"""How bad a service must be before anybody is woken: docs/decisions/0012."""

from collections.abc import Callable
from typing import Any

import redis
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from db.monitoring import incidents
from resilience.circuit_breaker.types import CallOutcome, Permit, State
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.incidents import check

Settings = Callable[..., dict[str, str]]


def titles() -> list[str]:
    """Return the titles of what operators were notified of."""
    with dependencies.current().engine.connect() as conn:
        return [one.title for one in incidents.notified(conn)]


def calls(count: int, outcome: CallOutcome) -> None:
    """Make guarded calls that end so."""
    breaker = dependencies.current().breaker
    for number in range(count):
        permit = breaker.acquire(CREATE, owner=f"{outcome} {number}")
        assert isinstance(permit, Permit)
        breaker.record(permit, outcome, reason="none" if outcome is CallOutcome.SUCCESS else "503")


def test_three_failures_in_a_minute_among_a_hundred_calls_wake_nobody(settings: Settings) -> None:
    """At a busy hour that is what a healthy Cal.com looks like; the detector still calls it critical."""
    settings(CIRCUIT_BREAKER_THRESHOLD="100")
    calls(97, CallOutcome.SUCCESS)
    calls(3, CallOutcome.FAILURE_SERVICE)
    assert dependencies.current().detector.is_service_critical("calcom")
    assert (check.check(), titles()) == (0, [])

    calls(60, CallOutcome.FAILURE_SERVICE)
    assert check.check() == 1


def test_three_failures_of_four_calls_are_told(settings: Settings) -> None:
    """At night there are no more calls than that."""
    settings(CIRCUIT_BREAKER_THRESHOLD="100")
    calls(1, CallOutcome.SUCCESS)
    calls(3, CallOutcome.FAILURE_SERVICE)

    assert check.check() == 1


def rest_is_over(redis_url: str, scope: str = "") -> None:
    """End the time of rest of the breaker, or of an endpoint's."""
    with redis.Redis.from_url(redis_url) as client:
        assert client.hset("{calcom}:breaker", f"{scope}ends", 1) == 0, "there was none"


def test_an_endpoint_that_waits_for_traffic_is_no_outage(settings: Settings, redis_url: str) -> None:
    """It may wait for days, and would hide the next outage."""
    settings(CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="60", FAILURE_CRITICAL_RECENT="1000")
    breaker = dependencies.current().breaker
    for _ in range(3):
        breaker.record_failure("http_500", "slots")
    assert check.check() == 1

    rest_is_over(redis_url, "slots/")
    assert breaker.get_status().endpoints["slots"].state is State.HALF_OPEN
    thirty_seconds_pass()
    assert check.check() == 1
    assert titles()[0].startswith("Resolved")


def thirty_seconds_pass() -> None:
    """Make what was seen of incidents as much older."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("UPDATE alert_incidents SET last_seen_at = last_seen_at - interval '30 s'"))


def test_a_breaker_that_was_ordered_open_and_only_waits_for_a_call_is_no_outage(
    settings: Settings, record: Any
) -> None:
    """Cal.com is well: what the order held goes in a moment, and without traffic there is nothing to tell."""
    settings()
    breaker = dependencies.current().breaker
    breaker.operators.force_open("operator", "a test")
    breaker.operators.auto("operator", "a test")
    assert breaker.get_status().state is State.HALF_OPEN
    assert (check.check(), titles()) == (0, [])
    record.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    assert (check.check(), titles()) == (0, [])


def test_a_breaker_that_opened_and_waits_for_a_call_is_an_outage_while_a_booking_waits(
    settings: Settings, record: Any, redis_url: str
) -> None:
    """Nobody knows whether it is over; once nothing waits it may stay so for days, and would hide the next one."""
    settings(CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="60", FAILURE_CRITICAL_RECENT="1000")
    breaker = dependencies.current().breaker
    row = record.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    calls(3, CallOutcome.FAILURE_SERVICE)
    assert check.check() == 1
    rest_is_over(redis_url)
    assert breaker.get_status().state is State.HALF_OPEN
    thirty_seconds_pass()
    assert (check.check(), titles()) == (0, ["Cal.com is down: 1 held, 0 at risk"])

    assert record.move(row, Status.CANCELLED, why="a test")
    thirty_seconds_pass()
    assert check.check() == 1
    assert titles()[0].startswith("Resolved")

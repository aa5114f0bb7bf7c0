"""Redis's clock is set back, as when another server leads: what it has left holds nobody for as long."""

from datetime import UTC, datetime

import pytest

from resilience.circuit_breaker.types import CallOutcome, Permit
from tests.support.breakers import CREATE, LIST, T0, Make, ask, denied, fail, trip

BACK = -3600
"""Seconds by which the clock is set back."""


def test_an_open_breaker_stays_open_no_longer_than_the_longest_open(make: Make) -> None:
    """OPEN_MAX from the first question on, though its end lies an hour ahead."""
    breaker = trip(make(open_max=600))
    assert denied(breaker, BACK).retry_after == 600
    denied(breaker, BACK + 599.999)
    assert ask(breaker, BACK + 600).probe


def test_an_endpoint_that_is_open_stays_open_no_longer_either(make: Make) -> None:
    """It has an end of its own."""
    breaker = make(open_max=600)
    fail(breaker, 0, 0, 0, 0, 0, outcome=CallOutcome.FAILURE_ENDPOINT)
    denied(breaker, BACK)
    assert ask(breaker, BACK + 600).probe


def test_a_dead_probe_keeps_its_place_no_longer_than_its_lease(make: Make) -> None:
    """Its worker was killed before the clock was set back."""
    breaker = trip(make(permit_lease=50))
    ask(breaker, 30, "killed")
    assert denied(breaker, BACK).retry_after == 50
    assert ask(breaker, BACK + 50).probe


def test_an_operators_open_ends_when_the_operator_said(make: Make) -> None:
    """Its end may be far, by whatever clock."""
    breaker = make(open_max=600)
    breaker.operators.force_open("op@example.com", "maintenance", datetime.fromtimestamp(T0 + 900, tz=UTC))
    assert denied(breaker, BACK).retry_after == 4500
    assert denied(breaker, BACK + 4499).retry_after == 1


@pytest.mark.parametrize("sent", [False, True], ids=["released", "being sent"])
def test_a_released_booking_that_never_came_back_keeps_its_place_no_longer_than_its_lease(
    make: Make, *, sent: bool
) -> None:
    """Its message was lost, or its worker killed; the window has one place."""
    breaker = make(permit_lease=50)
    assert breaker.held_work.release(CREATE, [1], now=_at(0)).items == ("1",)
    if sent:
        assert isinstance(breaker.acquire(CREATE, owner="one", item=1, now=_at(0)), Permit)
    assert breaker.held_work.release(CREATE, [1, 2], now=_at(BACK)).items == ("1",)


def test_the_harmless_call_is_not_put_off(make: Make) -> None:
    """The moment of the next one was written by the clock as it was; a minute later the next goes."""
    breaker = make(trial_every=60)
    breaker.operators.block_key("")
    assert breaker.acquire(LIST, owner="one", trial=True, now=_at(0))
    assert breaker.acquire(LIST, owner="two", trial=True, now=_at(BACK))
    assert not breaker.acquire(LIST, owner="three", trial=True, now=_at(BACK + 59.999))
    assert breaker.acquire(LIST, owner="four", trial=True, now=_at(BACK + 60))


def _at(seconds: float) -> float:
    return T0 + seconds

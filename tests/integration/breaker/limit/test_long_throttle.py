"""A 429 that asks for a day: from a minute on one harmless call finds out, and an operator may end it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, Permit, QuotaHeaders, Reason
from tests.support.breakers import CREATE, ENDPOINT, LIST, T0, Make, ask, denied

DAY, HOUR = 86_400, 3600


def throttle(breaker: CircuitBreaker, retry_after: float = DAY) -> None:
    """Have a call that was sent at second 0 be answered with 429, and a limit of 60."""
    headers = QuotaHeaders(60, 0, 60)
    permit = ask(breaker, 0)
    breaker.record(permit, CallOutcome.THROTTLED, retry_after=retry_after, quota_headers=headers, now=T0)


def try_again(breaker: CircuitBreaker, at: float, outcome: CallOutcome) -> None:
    """Make the harmless call."""
    permit = ask(breaker, at, f"trial {at}", LIST, trial=True)
    breaker.record(permit, outcome, retry_after=DAY, now=T0 + at)


def test_one_harmless_call_a_minute_finds_out_in_the_whole_fleet(make: Make) -> None:
    """From a minute after the last 429 on; nothing else goes."""
    ours, theirs = make(), make()
    throttle(ours)
    assert denied(ours, 59.999, LIST, trial=True).reason is Reason.THROTTLED
    try_again(ours, 60, CallOutcome.THROTTLED)
    for at in (60, 119.999):
        assert not theirs.acquire(LIST, owner="too soon", trial=True, now=T0 + at)
        assert denied(theirs, at).reason is Reason.THROTTLED
    try_again(theirs, 120, CallOutcome.THROTTLED)


def test_its_success_lets_calls_go_again_and_one_goes_first(make: Make) -> None:
    """Its own limit may be used up by others; what is held goes at the limit's pace."""
    ours, theirs = make(), make()
    throttle(ours)
    try_again(ours, 60, CallOutcome.SUCCESS)
    assert ours.get_status(now=T0 + 60).throttled_for == 0
    assert theirs.held_work.count_releasable(CREATE, now=T0 + 61).room == 1
    ask(theirs, 61)
    assert denied(theirs, 61).retry_after == 0.25


@pytest.mark.parametrize("outcome", [CallOutcome.THROTTLED, ENDPOINT, CallOutcome.IGNORED])
def test_whatever_else_it_is_answered_keeps_the_throttle(make: Make, outcome: CallOutcome) -> None:
    """A 500 does not say that the service takes calls again."""
    breaker = make()
    throttle(breaker)
    try_again(breaker, 60, outcome)
    assert denied(breaker, 61).reason is Reason.THROTTLED


def test_a_429_that_asks_for_a_minute_is_waited_for(make: Make) -> None:
    """No harmless call goes before its end."""
    breaker = make()
    throttle(breaker, 60)
    assert not breaker.acquire(LIST, owner="trial", trial=True, now=T0 + 59.9)
    ask(breaker, 60.3)


def test_a_clock_that_was_set_back_puts_the_harmless_call_off_by_no_more(make: Make) -> None:
    """The moment of the 429 lies an hour ahead then."""
    breaker = make()
    throttle(breaker)
    try_again(breaker, -HOUR, CallOutcome.SUCCESS)


def test_a_429_asks_for_an_hour_at_most(make: Make) -> None:
    """Where nobody makes the harmless call it ends by itself."""
    breaker = make()
    throttle(breaker)
    assert denied(breaker, HOUR).reason is Reason.THROTTLED
    ask(breaker, HOUR + 0.3)


def reset(breaker: CircuitBreaker) -> None:
    """Reset it, as an operator does."""
    breaker.reset("op@example.com", "it is well")


def switch_off(breaker: CircuitBreaker) -> None:
    """Let everything through, as an operator does."""
    breaker.operators.off("op@example.com", "it is well", datetime(2200, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("order", [reset, switch_off])
def test_an_operator_ends_what_a_429_asked_for(make: Make, order: Callable[[CircuitBreaker], Any]) -> None:
    """He may know that Cal.com is well; its own limit counts again from then on."""
    breaker = make()
    permit = breaker.acquire(CREATE, owner="one")
    assert isinstance(permit, Permit)
    breaker.record(permit, CallOutcome.THROTTLED, retry_after=DAY)
    assert breaker.get_status().throttled_for > 0
    order(breaker)
    assert breaker.get_status().throttled_for == 0
    assert breaker.acquire(CREATE, owner="two")


def test_automatic_again_ends_no_throttle(make: Make) -> None:
    """It ends an order, and nothing else."""
    breaker = make()
    permit = breaker.acquire(CREATE, owner="one")
    assert isinstance(permit, Permit)
    breaker.operators.force_open("op@example.com", "a test")
    breaker.record(permit, CallOutcome.THROTTLED, retry_after=DAY)
    breaker.operators.auto("op@example.com", "done")
    assert breaker.get_status().throttled_for > 0

"""Promises 1 and 4: however few calls a minute are allowed, what an unknown booking needs is made, and ends it."""

from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import Status
from tests.support.fleet import request
from tests.support.stepping import POST, accept, breaker_by_hand, carry

Settings = Callable[..., dict[str, str]]


@pytest.mark.parametrize(("limit", "chair"), [(10, 1), (20, 2), (30, 3)])
def test_an_unknown_booking_comes_to_its_end_at_a_low_limit(
    settings: Settings, simulator: Any, limit: int, chair: int
) -> None:
    """Its calls wait their turn, whose the key is first: nothing starts again because the limit denies its third."""
    settings(CALCOM_SETTLE_SECONDS="130", CALCOM_API_KEY=f"cal_test_chair{chair}")
    clock = breaker_by_hand(threshold=100_000, rate_limit=limit)
    simulator.faults("status", name="internal", match=POST, count=1)
    [lost] = accept(request(1, 200 + chair))
    carry(lost, clock=clock)
    clock.move(60)
    begun, before = clock(), len(simulator.journal())

    now = carry(lost, after=5, clock=clock)

    assert (now.status, now.posts) == (Status.CONFIRMED, 2)
    calls = len(simulator.journal()) - before
    assert clock() - begun >= 5 + (calls - 1) * 60 / limit, "none went past the limit"

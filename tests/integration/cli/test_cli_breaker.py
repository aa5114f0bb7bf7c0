"""`booking breaker`: what stops our calls today, and an order that the fleet has obeyed."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from tasks import dependencies

Booking = Callable[..., Any]


def test_another_keys_block_is_told_and_is_no_fault(booking: Booking) -> None:
    """After the documented remedy, a new key, the old one's block stays and stops nothing."""
    dependencies.current().breaker.operators.block_key("old-key", by="worker", why="Cal.com refused this key")

    ran = booking("breaker", "status")

    assert (ran.code, "old-key: not today's, so it stops nothing here" in ran.out) == (0, True)


def test_todays_refused_key_is_a_fault_and_says_what_ends_it(booking: Booking) -> None:
    """By itself, or by the order to try it again."""
    dependencies.current().breaker.operators.block_key(
        dependencies.current().breaker.key, by="worker", why="Cal.com refused this key"
    )

    ran = booking("breaker", "status")

    assert ran.code == 1
    assert "Cal.com is asked once a minute whether that is over, or `booking breaker reset`" in ran.out
    assert booking("breaker", "reset").code == 0
    assert booking("breaker", "status").code == 0


@pytest.mark.parametrize(("mode", "state"), [("open", "open by override"), ("off", "off by override")])
def test_an_order_right_after_redis_has_forgotten_is_said_to_be_obeyed(
    booking: Booking, redis_url: str, mode: str, state: str
) -> None:
    """A breaker that begins again reads the order itself: that is no missing Redis."""
    with Redis.from_url(redis_url) as client:
        client.flushall()

    ran = booking("breaker", mode, "--why", "a test")

    assert (ran.code, ran.err) == (0, "")
    assert f"The breaker is {state}" in ran.out

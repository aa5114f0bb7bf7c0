"""Who asks again and again for what is booked costs Cal.com a call a minute, and none while others wait."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry, let_pass, write
from worker import Receipt, enqueue_booking

PLAIN = 101


@pytest.fixture
def booked(settings: Callable[..., dict[str, str]]) -> int:
    """Have a request booked."""
    settings()
    [booking] = accept(request(1, PLAIN))
    assert carry(booking).status is Status.CONFIRMED
    return booking


def looks(simulator: Any) -> int:
    """Count how often Cal.com was asked for a booking that it has made."""
    return sum(one["method"] == "GET" for one in simulator.journal())


def test_a_page_that_reloads_costs_one_call_a_minute(booked: int, simulator: Any) -> None:
    """In between the receipt says as of when it stands."""
    first = enqueue_booking(request(1, PLAIN))
    again = [enqueue_booking(request(1, PLAIN)) for _ in range(10)]

    assert first.as_of is None
    assert {one.as_of for one in again} == {row(booked).updated_at}
    assert looks(simulator) == 1
    let_pass(60)
    assert enqueue_booking(request(1, PLAIN)).as_of is None
    assert looks(simulator) == 2


def test_forty_who_ask_at_once_cost_one_call(booked: int, simulator: Any) -> None:
    """The right to ask is taken in one statement, before the call."""
    begin = Barrier(40)

    def ask(_: int) -> Receipt:
        begin.wait(60)
        return enqueue_booking(request(1, PLAIN))

    with ThreadPoolExecutor(40) as callers:
        receipts = list(callers.map(ask, range(40)))

    assert {(one.appointment_id, one.status, one.duplicate) for one in receipts} == {(booked, Status.CONFIRMED, True)}
    assert sum(one.as_of is None for one in receipts) == 1
    assert looks(simulator) == 1


def test_a_call_that_failed_is_not_made_again_at_once(booked: int, simulator: Any) -> None:
    """Nor does it count as an answer: what is known is as old as before."""
    simulator.faults("status", name="internal", match={"method": "GET"}, count=1)

    receipts = [enqueue_booking(request(1, PLAIN)) for _ in range(5)]

    assert {one.as_of for one in receipts} == {row(booked).updated_at}
    assert looks(simulator) == 1


@pytest.mark.parametrize("reason", [HoldReason.BREAKER_OPEN, HoldReason.THROTTLED])
def test_while_others_wait_nobody_asks(booked: int, simulator: Any, reason: HoldReason) -> None:
    """Calls are for those who are not booked yet."""
    [other] = accept(request(2, PLAIN))
    write(other, status=Status.HELD, hold_reason=reason, held_at=row(other).created_at)

    again = enqueue_booking(request(1, PLAIN))

    assert (again.appointment_id, again.as_of) == (booked, row(booked).updated_at)
    assert looks(simulator) == 0

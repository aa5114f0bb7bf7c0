"""Promise 4: held bookings go in the order of need, and a request that comes later waits with them."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from db import appointments
from db.lifecycle import HoldReason, Status
from db.queue import waits
from tasks import dependencies
from tasks.enqueue import outcome
from tasks.maintenance.release import release_paced
from tasks.work.claim import claim
from tests.support.fleet import request
from tests.support.stepping import book
from worker import enqueue_booking


@pytest.fixture
def calm(settings: Callable[..., dict[str, str]]) -> None:
    """Deploy, without a worker: what is released stays `pending`."""
    settings()


def held(number: int, reason: HoldReason = HoldReason.BREAKER_OPEN) -> int:
    """Accept a request whose first attempt found the breaker open."""
    asked = enqueue_booking(request(number)).appointment_id
    return hold(asked, reason)


def hold(asked: int, reason: HoldReason = HoldReason.BREAKER_OPEN) -> int:
    """Claim a booking and hold it."""
    with dependencies.current().engine.begin() as conn:
        claimed = appointments.claim(conn, asked, lease_seconds=50)
        assert claimed is not None
        token = claimed.row.claim_token
        assert appointments.move(conn, asked, Status.BOOKING, Status.HELD, token=token, hold_reason=reason)
    return asked


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("reason", [HoldReason.BREAKER_OPEN, HoldReason.THROTTLED])
def test_who_asks_while_others_wait_is_held_behind_them(reason: HoldReason) -> None:
    """Though the breaker is closed by now, and the limit is not reached."""
    held(1, reason)

    receipt = enqueue_booking(request(2))

    assert (receipt.status, receipt.hold_reason) == (Status.HELD, HoldReason.IN_LINE)
    assert outcome(receipt.appointment_id).hold_reason is HoldReason.IN_LINE  # type: ignore[union-attr]
    with dependencies.current().engine.connect() as conn:
        row = appointments.get(conn, receipt.appointment_id)
        assert waits.backlog_reason(conn) is reason  # in their line, and let go as they are
    assert row is not None
    assert (row.hold_reason, row.circuit_breaker_open_at_booking) == (HoldReason.IN_LINE, None)


@pytest.mark.usefixtures("calm")
def test_where_others_wait_for_both_it_waits_for_the_breaker() -> None:
    """Who waits for the limit goes when that allows; nobody behind the breaker may."""
    asked = [enqueue_booking(request(number)).appointment_id for number in (1, 2)]
    for one, reason in zip(asked, (HoldReason.THROTTLED, HoldReason.BREAKER_OPEN), strict=True):
        hold(one, reason)

    later = enqueue_booking(request(3)).appointment_id

    with dependencies.current().engine.connect() as conn:
        written = text("SELECT hold_reason, held_for FROM appointments WHERE id = :id")
        assert conn.execute(written, {"id": later}).one() == ("breaker_open", "line")


@pytest.mark.usefixtures("calm")
def test_a_worker_does_not_post_past_those_who_wait(simulator: Any) -> None:
    """Its message was in the queue when an older request met the open breaker."""
    first, second = (enqueue_booking(request(number)).appointment_id for number in (1, 2))
    hold(first)

    claimed = claim(dependencies.current(), second)
    assert claimed is not None
    book(claimed)

    assert outcome(second).hold_reason is HoldReason.IN_LINE  # type: ignore[union-attr]
    assert simulator.journal() == []


@pytest.mark.usefixtures("calm")
def test_the_first_in_the_line_is_released_first_and_alone() -> None:
    """The order is not that of the holds: the pace begins with one."""
    asked = [enqueue_booking(request(number)).appointment_id for number in range(5)]
    for one in reversed(asked):
        hold(one)

    assert release_paced(dependencies.current()) == 1

    waits = [outcome(one).status for one in asked]  # type: ignore[union-attr]
    assert waits == [Status.PENDING] + [Status.HELD] * 4

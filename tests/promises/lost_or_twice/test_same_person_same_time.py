"""Promise 1: of two requests of ours for one person's same time, neither is told that the other was there before."""

from collections.abc import Callable
from typing import Any

import pytest

from booking_client.request.model import BookingRequest
from db.lifecycle import Status
from tasks import dependencies
from tasks.maintenance import sweeper
from tasks.work.claim import BookingClaim, claim
from tests.support.fleet import request
from tests.support.stepping import POST, accept, book, carry, carry_until, is_blind, let_pass

Settings = Callable[..., dict[str, str]]
ROUND_ROBIN, ROUND_ROBIN_SERIES = 104, 135
OUT_OF_BOUNDS = 'The event type can\'t be booked at the "start" time provided.'


def twins(event_type: int) -> list[BookingRequest]:
    """Ask twice for one person's same time, under two keys."""
    return [request(1, event_type, idempotency_key=key) for key in ("one", "other")]


def claimed(appointment_id: int) -> BookingClaim:
    """Claim a booking by a worker that does nothing yet."""
    attempt = claim(dependencies.current(), appointment_id)
    assert attempt is not None
    return attempt


def is_rejected(one: Any) -> bool:
    """Say whether a booking was refused for good."""
    return one.status is Status.REJECTED


def test_a_twin_that_was_booked_while_a_worker_was_lost_was_not_there_before(
    settings: Settings, simulator: Any
) -> None:
    """What that worker has sent may have come first, whatever Cal.com gives back now."""
    settings(CALCOM_API_KEY="cal_test_host4")
    lost, twin = accept(*twins(ROUND_ROBIN))
    claimed(lost)
    assert carry(twin).status is Status.CONFIRMED
    let_pass(60)
    assert sweeper.rescue_stranded()["leases"] == 1

    now = carry_until(lost, is_blind, every=40, attempts=8)

    assert now.evidence_posts == 1
    assert [entry["status"] for entry in simulator.journal() if entry["method"] == "POST"] == [201, 201]


def test_a_twin_that_was_booked_while_a_series_was_refused_was_not_there_before(
    settings: Settings, simulator: Any
) -> None:
    """The refusal is written down after the twin's confirmation; its POST was sent before it."""
    settings(CALCOM_API_KEY="cal_test_host39")
    refused, twin = accept(*twins(ROUND_ROBIN_SERIES))
    attempt = claimed(refused)
    assert carry(twin).status is Status.CONFIRMED
    simulator.faults("status", status=400, shape="A", message=OUT_OF_BOUNDS, match=POST, count=1)
    book(attempt)

    now = carry_until(refused, is_blind, every=40, attempts=8)

    assert now.evidence_posts == 1
    assert [entry["status"] for entry in simulator.journal() if entry["method"] == "POST"] == [201, 400, 201]


def test_a_twin_that_was_booked_before_the_other_was_asked_for_has_it(settings: Settings, simulator: Any) -> None:
    """That one is told so."""
    settings(CALCOM_API_KEY="cal_test_host4")
    first, second = twins(ROUND_ROBIN)
    carry(*accept(first))
    let_pass(60)
    simulator.faults("reset", match=POST, count=1)

    now = carry_until(*accept(second), is_rejected, every=5, attempts=6)

    assert str(now.last_error).startswith("already booked for this attendee")


@pytest.mark.parametrize(("seat", "then"), [("stands", is_rejected), ("cancelled", is_blind)])
def test_a_twins_seat_counts_only_while_cal_com_still_has_it(
    settings: Settings, simulator: Any, seat: str, then: Callable[[Any], bool]
) -> None:
    """This address has a seat, says Cal.com: when the twin's was cancelled there, it is our own."""
    settings(CALCOM_API_KEY="cal_test_host3")  # its owner's; whose key it is Cal.com does not say
    simulator.faults("status", name="internal", match={"method": "GET", "path": "/v2/me"})
    simulator.event_type(540, kind="seats", hosts=["host3", "host4"])
    first, second = twins(540)
    twin = carry(*accept(first))
    simulator.person("reassign", twin.calcom_booking_uid, host="host4")  # so that its list shows nothing of it
    let_pass(60)
    if seat == "cancelled":
        simulator.person("cancel", twin.calcom_booking_uid, seat=twin.calcom_seat_uid)
    simulator.faults("commit_then_reset", match=POST, count=1)
    [lost] = accept(second)
    reference = str(carry(lost).uuid)
    for booking in simulator.bookings(reference):
        simulator.person("reassign", booking["uid"], host="host4")

    now = carry_until(lost, then, every=5, attempts=6)

    assert [entry["status"] for entry in simulator.journal() if entry["method"] == "POST"][-1] == 409
    alive = [one for one in simulator.bookings(str(now.uuid)) if one["status"] == "accepted"]
    assert len(alive) == (seat == "cancelled")

"""The main job: a request becomes a row, a task, one Cal.com booking, and an outcome that its owner can see."""

from collections.abc import Callable
from typing import Any

from db.lifecycle import Status
from tests.support.fleet import Fleet, finals, request
from worker import enqueue_booking, enqueue_bookings, wait


def test_a_request_is_booked_once_and_its_owner_sees_the_uid(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """Row, task, one booking at Cal.com, and an outcome with its uid."""
    fleet().start()
    receipt = enqueue_booking(request(1))
    seen = wait(receipt.appointment_id, 30)
    assert seen is not None
    assert seen.status is Status.CONFIRMED
    assert [booking["uid"] for booking in simulator.bookings()] == [seen.calcom_booking_uid]


def test_the_same_request_again_gets_the_same_receipt(settings: Callable[..., dict[str, str]]) -> None:
    """A caller who asks twice is told what it was told before, and nothing is sent twice."""
    settings()
    first, again = enqueue_bookings([request(1), request(1)])
    once_more = enqueue_booking(request(1))
    assert (again.appointment_id, once_more.appointment_id) == (first.appointment_id,) * 2
    assert (again.duplicate, once_more.duplicate) == (True, True)


def test_three_hundred_bookings_go_through_once_each(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """No load in sight of a clinic's makes a difference."""
    fleet().start(concurrency=32)
    receipts = enqueue_bookings([request(number) for number in range(300)])
    ends = finals([receipt.appointment_id for receipt in receipts])
    assert {one.status for one in ends.values()} == {Status.CONFIRMED}
    assert len(simulator.bookings()) == 300

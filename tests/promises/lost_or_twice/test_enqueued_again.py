"""Who asks again for what was booked hears how it stands at Cal.com now, not how it stood when it was booked."""

from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import Status
from tasks import dependencies
from tasks.claim import claim
from tests.support.fleet import request, row
from tests.support.stepping import book
from worker import Receipt, enqueue_booking


@pytest.fixture
def booked(settings: Callable[..., dict[str, str]]) -> int:
    """Book one request; no worker runs but this process."""
    settings()
    return book_now(enqueue_booking(request(1)))


def book_now(receipt: Receipt) -> int:
    """Carry out a booking that was accepted just now."""
    claimed = claim(dependencies.current(), receipt.appointment_id)
    assert claimed is not None
    book(claimed)
    assert row(receipt.appointment_id).status is Status.CONFIRMED
    return receipt.appointment_id


def test_what_was_cancelled_at_cal_com_is_booked_again(booked: int, simulator: Any) -> None:
    """By the link in the attendee's mail, of which nobody here heard."""
    simulator.person("cancel", row(booked).calcom_booking_uid, reason="by the attendee")

    again = enqueue_booking(request(1))

    assert (again.status, again.duplicate) == (Status.PENDING, False)
    assert again.appointment_id != booked
    book_now(again)
    assert row(booked).status is Status.CANCELLED
    assert [booking["status"] for booking in simulator.bookings()] == ["cancelled", "accepted"]


@pytest.mark.parametrize("deed", ["nothing", "move"])
def test_what_still_stands_is_a_duplicate_as_of_now(booked: int, simulator: Any, deed: str) -> None:
    """A booking that was moved to another time stands, too."""
    if deed == "move":
        simulator.person("move", row(booked).calcom_booking_uid, start="2030-03-09T09:00:00Z")

    again = enqueue_booking(request(1))

    assert (again.appointment_id, again.status, again.duplicate) == (booked, Status.CONFIRMED, True)
    assert again.as_of is None


@pytest.mark.parametrize("trouble", ["a fault of Cal.com", "an open breaker", "a replica that lags"])
def test_where_cal_com_cannot_tell_the_receipt_says_as_of_when(booked: int, simulator: Any, trouble: str) -> None:
    """Nothing is cancelled here because of it: neither an outage nor a young 404 proves that it is gone."""
    if trouble == "an open breaker":
        dependencies.current().breaker.force_open("operator", "a test")
    elif trouble == "a replica that lags":
        simulator.settings(replica_lag=60)
    else:
        simulator.faults("status", name="internal")

    again = enqueue_booking(request(1))

    assert (again.appointment_id, again.status, again.duplicate) == (booked, Status.CONFIRMED, True)
    assert again.as_of == row(booked).updated_at

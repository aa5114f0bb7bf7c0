"""Who asks again for what was booked hears how it stands at Cal.com now, not how it stood when it was booked."""

from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import Status
from tasks import dependencies
from tasks.work.claim import claim
from tests.support.fleet import request, row
from tests.support.stepping import book, let_pass
from worker import Receipt, enqueue_booking

SEATS = 103


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
    """By the link in the attendee's mail, without a word to anybody here."""
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
        dependencies.current().breaker.operators.force_open("operator", "a test")
    elif trouble == "a replica that lags":
        simulator.settings(replica_lag=60)
    else:
        simulator.faults("status", name="internal")

    again = enqueue_booking(request(1))

    assert (again.appointment_id, again.status, again.duplicate) == (booked, Status.CONFIRMED, True)
    assert again.as_of == row(booked).updated_at


def test_another_cal_com_cancels_nothing(booked: int, simulator: Any) -> None:
    """One that never had the booking: Cal.com itself keeps what was cancelled, so that a 404 shows no cancellation."""
    let_pass(3600)
    simulator.reset()

    again = enqueue_booking(request(1))

    assert (again.appointment_id, again.status, again.duplicate) == (booked, Status.CONFIRMED, True)
    assert again.as_of == row(booked).updated_at


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_seat_that_was_cancelled_is_booked_again_where_its_booking_is_found(
    settings: Callable[..., dict[str, str]], simulator: Any, *, elsewhere: bool
) -> None:
    """A seat is deleted with its end; another Cal.com has neither the seat nor its booking."""
    settings()
    seated = book_now(enqueue_booking(request(1, SEATS)))
    let_pass(3600)
    if elsewhere:
        simulator.reset()
    else:
        simulator.person("cancel", row(seated).calcom_booking_uid, seat=row(seated).calcom_seat_uid)

    again = enqueue_booking(request(1, SEATS))

    assert again.duplicate is elsewhere
    assert row(seated).status is (Status.CONFIRMED if elsewhere else Status.CANCELLED)


def test_a_young_seat_that_is_not_found_stands(settings: Callable[..., dict[str, str]], simulator: Any) -> None:
    """A replica that lags says the same of a seat that is there, and has its booking of a seat before it."""
    settings()
    seated = book_now(enqueue_booking(request(1, SEATS)))
    simulator.person("cancel", row(seated).calcom_booking_uid, seat=row(seated).calcom_seat_uid)

    again = enqueue_booking(request(1, SEATS))

    assert (again.appointment_id, again.status, again.duplicate) == (seated, Status.CONFIRMED, True)

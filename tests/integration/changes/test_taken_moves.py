"""A move that is refused: its row says whether the wanted start is taken, for the caller is asked for another one."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from db.changes import asking
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus
from resilience.error_types import ErrorType
from tasks import dependencies
from tasks.booking import book_appointment, change_booking
from tests.support.fleet import request
from tests.support.stepping import accept
from worker import reschedule_booking

TYPE = 7001
WANTED = datetime(2031, 3, 5, 9, tzinfo=UTC)
Settle = Callable[[], tuple[str, str | None]]


@pytest.fixture
def moved(settings: Callable[..., dict[str, str]]) -> Settle:
    """Have a booking moved, and return how its move ended, and with which kind of error."""
    settings()

    def attempt() -> tuple[str, str | None]:
        booking = booked(1)
        reschedule_booking(booking, WANTED)
        change_booking.apply([_change_of(booking).id])
        ended = _change_of(booking)
        return ended.status, ended.error_type

    return attempt


def booked(number: int, **more: Any) -> int:
    """Book, and return the booking."""
    [booking] = accept(request(number, TYPE, **more))
    book_appointment.apply([booking])
    return booking


def _change_of(booking: int) -> BookingChange:
    with dependencies.current().engine.connect() as conn:
        [change] = asking.of_booking(conn, booking)
    return change


@pytest.mark.parametrize("kind", [{}, {"kind": "seats", "seats": 1}], ids=["plain", "seats"])
def test_a_start_that_another_has_is_taken(moved: Settle, simulator: Any, kind: dict[str, Any]) -> None:
    """Cal.com says so, and its slots do not offer it; or its last seat is gone, which we see before we ask."""
    simulator.event_type(TYPE, **kind)
    booked(2, start=WANTED)

    assert moved() == (ChangeStatus.REFUSED, ErrorType.TAKEN)


def test_a_start_that_is_refused_for_another_cause_is_not_taken(moved: Settle, simulator: Any) -> None:
    """Another time is of no use then."""
    simulator.event_type(TYPE, no_rescheduling=True)

    assert moved() == (ChangeStatus.REFUSED, None)

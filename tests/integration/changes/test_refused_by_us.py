"""What Cal.com would move although it must not is refused by us when its turn comes: no call is made for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.appointments.events import CHANGE_NEEDS_YOU, timeline
from db.changes import asking
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus
from tasks import dependencies
from tasks.booking import book_appointment, change_booking
from tests.support.fleet import request, row
from tests.support.stepping import accept, write
from worker import reschedule_booking

TYPE = 110
LATER = datetime(2031, 3, 5, 9, tzinfo=UTC)
Refused = Callable[[int], BookingChange]


@pytest.fixture
def refused(settings: Callable[..., dict[str, str]], simulator: Any) -> Refused:
    """Have the move of a booking attempted, and return it; it was refused, and Cal.com was sent nothing for it."""
    settings()

    def attempt(booking: int) -> BookingChange:
        with dependencies.current().engine.connect() as conn:
            [change] = asking.of_booking(conn, booking)
        assert change_booking.apply([change.id]).get() == ChangeStatus.REFUSED
        assert [one["target"] for one in simulator.journal() if one["target"].endswith("/reschedule")] == []
        with dependencies.current().engine.connect() as conn:
            [change] = asking.of_booking(conn, booking)
        return change

    return attempt


def moved(wanted: datetime = LATER) -> int:
    """Book, and ask for another start; return the booking."""
    [booking] = accept(request(1, TYPE))
    book_appointment.apply([booking])
    reschedule_booking(booking, wanted)
    return booking


def test_a_type_that_allows_no_rescheduling_is_not_moved(refused: Refused, simulator: Any) -> None:
    """The answer that shows its kind shows that too; an operator is told, for the booking stands."""
    simulator.event_type(TYPE, no_rescheduling=True)
    booking = moved()
    asked = len(simulator.journal())

    change = refused(booking)

    assert change.last_error == "its event type does not allow that"
    reads = [one["target"].partition("?")[0] for one in simulator.journal()[asked:]]
    assert sorted(reads) == ["/v2/event-types", f"/v2/event-types/{TYPE}", "/v2/me"]  # once a day, as for its kind
    with dependencies.current().engine.connect() as conn:
        assert CHANGE_NEEDS_YOU in [one.kind for one in timeline(conn, booking)]


def test_a_booking_that_is_over_by_then_is_not_moved(refused: Refused) -> None:
    """It was held so long: Cal.com would move it all the same."""
    booking = moved()
    write(booking, start_at=datetime.now(UTC) - timedelta(hours=3), length_in_minutes=30)

    assert refused(booking).last_error == "the booking is over"
    assert row(booking).booked_start_at is None

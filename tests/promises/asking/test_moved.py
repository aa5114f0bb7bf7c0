"""A request for a booking that was moved at Cal.com is told its new start; one that is over there is booked again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.appointments import events
from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import Outcome, outcome
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry, let_pass, lose
from worker import Receipt, enqueue_booking, enqueue_bookings

PLAIN, SEATS, SERIES = 101, 103, 129
LATER, LATEST = datetime(2030, 3, 5, 10, tzinfo=UTC), datetime(2030, 3, 6, 10, tzinfo=UTC)
Settings = Callable[..., dict[str, str]]


def move(simulator: Any, uid: str | None, to: datetime) -> str:
    """Have a person move a booking at Cal.com, and return the uid that it has then."""
    simulator.person("move", uid, start=to.isoformat())
    [new] = [one["uid"] for one in simulator.bookings() if one["start"].startswith(to.strftime("%Y-%m-%dT%H:%M"))]
    return str(new)


def booked(event_type: int = PLAIN) -> int:
    """Have a request booked."""
    [booking] = accept(request(1, event_type))
    assert carry(booking).status is Status.CONFIRMED
    return booking


def told(booking: int) -> Outcome:
    """Return how a booking stands."""
    found = outcome(booking)
    assert found is not None
    return found


def test_who_asks_for_the_old_time_hears_when_it_is_now(settings: Settings, simulator: Any) -> None:
    """One request is one booking, wherever it was moved, and however often."""
    settings()
    booking = booked()
    new = move(simulator, move(simulator, row(booking).calcom_booking_uid, LATER), LATEST)

    again = enqueue_booking(request(1, PLAIN))

    assert (again.appointment_id, again.status, again.duplicate, again.as_of) == (booking, Status.CONFIRMED, True, None)
    assert (again.start, told(booking).start) == (LATEST, LATEST)
    assert row(booking).calcom_booking_uid == new
    with dependencies.current().engine.connect() as conn:
        last = events.timeline(conn, booking)[-1]
    assert (last.kind, last.by, last.detail["uid"]) == ("moved_there", "caller", new)
    [known] = enqueue_bookings([request(1, PLAIN)])
    assert isinstance(known, Receipt)
    assert (known.start, known.as_of) == (LATEST, row(booking).updated_at)


def test_what_was_moved_and_then_cancelled_is_booked_again(settings: Settings, simulator: Any) -> None:
    """Nothing of it stands, at the old time or at the new one."""
    settings()
    booking = booked()
    simulator.person("cancel", move(simulator, row(booking).calcom_booking_uid, LATER))

    again = enqueue_booking(request(1, PLAIN))

    assert (again.status, again.duplicate) == (Status.PENDING, False)
    assert row(booking).status is Status.CANCELLED


def test_what_was_moved_back_is_at_its_time(settings: Settings, simulator: Any) -> None:
    """Nothing is said of a move that is undone."""
    settings()
    booking = booked()
    moved = move(simulator, row(booking).calcom_booking_uid, LATER)
    assert enqueue_booking(request(1, PLAIN)).start == LATER
    simulator.person("move", moved, start=request(1).start.isoformat())
    let_pass(60)

    assert enqueue_booking(request(1, PLAIN)).start == request(1).start
    assert row(booking).booked_start_at is None


def test_where_cal_com_does_not_show_the_new_one_nothing_new_is_said(settings: Settings, simulator: Any) -> None:
    """The receipt says since when that is known which it says."""
    settings()
    booking = booked()
    new = move(simulator, row(booking).calcom_booking_uid, LATER)
    simulator.faults("status", name="internal", match={"method": "GET", "path": f"/v2/bookings/{new}"})

    again = enqueue_booking(request(1, PLAIN))

    assert (again.status, again.duplicate, again.start) == (Status.CONFIRMED, True, request(1).start)
    assert again.as_of == row(booking).updated_at


def test_a_series_whose_first_week_was_moved_is_where_that_is(settings: Settings, simulator: Any) -> None:
    """Its other weeks stand as before."""
    settings()
    booking = booked(SERIES)
    move(simulator, row(booking).calcom_booking_uid, LATER)

    assert enqueue_booking(request(1, SERIES)).start == LATER


@pytest.mark.parametrize("after", [0.0, 200.0], ids=["a look", "the deciding look"])
def test_a_look_that_finds_it_moved_says_when_it_is(settings: Settings, simulator: Any, after: float) -> None:
    """Its customer has moved it before we knew that it is booked."""
    settings(CALCOM_SETTLE_SECONDS="130")
    booking = booked()
    new = move(simulator, row(booking).calcom_booking_uid, LATER)
    lose(booking)

    found = carry(booking, after=after)

    assert (found.status, found.calcom_booking_uid) == (Status.CONFIRMED, new)
    assert (found.booked_start_at, told(booking).start) == (LATER, LATER)


def test_a_look_that_finds_it_moved_and_cancelled_does_not_confirm_it(settings: Settings, simulator: Any) -> None:
    """It was booked, and is over."""
    settings(CALCOM_SETTLE_SECONDS="130")
    booking = booked()
    simulator.person("cancel", move(simulator, row(booking).calcom_booking_uid, LATER))
    lose(booking)

    assert carry(booking).status is Status.CANCELLED


def test_a_moved_seat_is_followed(settings: Settings, simulator: Any) -> None:
    """The seat's own uid shows the booking that it is in."""
    settings()
    booking = booked(SEATS)
    to = request(1).start + timedelta(days=2)
    simulator.person("move", row(booking).calcom_booking_uid, start=to.isoformat())

    assert enqueue_booking(request(1, SEATS)).start == to

"""Promise 4: held bookings go in the order of need, from whichever call they came."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from booking_client import asking
from db.appointments import queue
from tasks import dependencies
from tests.support.fleet import request, row
from worker import Receipt, enqueue_booking, enqueue_bookings

CALL = 0.6  # seconds that one call takes of the limit


@pytest.fixture
def outage(settings: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold all that is asked for, at 100 calls a minute and an hour's lead, a bulk in parts of three."""
    settings(CALCOM_RATE_LIMIT_PER_MINUTE=str(round(60 / CALL)), HOLD_LEAD="3600")
    for name in ("FIRST_PART", "PART"):
        monkeypatch.setattr(asking, name, 3)
    dependencies.current().breaker.operators.force_open("operator", "outage")


def bulk(*numbers: int) -> list[int]:
    """Ask for these slots at once."""
    answers = enqueue_bookings([request(number) for number in numbers])
    return [one.appointment_id for one in answers if isinstance(one, Receipt)]


def starting(number: int, within: timedelta) -> int:
    """Ask for a slot that comes soon."""
    start = datetime.now(UTC).replace(microsecond=0) + within
    return enqueue_booking(request(number).model_copy(update={"start": start})).appointment_id


def line() -> list[int]:
    """Return the bookings that wait, in the order in which they will go."""
    with dependencies.current().engine.connect() as conn:
        return [one for one, _ in queue.waiting(conn, 100, postable=True)]


@pytest.mark.usefixtures("outage")
def test_single_requests_and_near_starts_pass_a_bulk() -> None:
    """A tenant's bulk came first; then a customer for next year, and one whose slot begins soon."""
    first, *others = bulk(*range(8))
    single = enqueue_booking(request(100)).appointment_id
    near = starting(101, timedelta(hours=2))

    assert line() == [near, first, single, *others]


@pytest.mark.usefixtures("outage")
def test_a_booking_is_near_when_it_soon_expires() -> None:
    """HOLD_LEAD before its start nobody may book it any more."""
    earlier = starting(1, timedelta(hours=20))
    late = starting(2, timedelta(hours=1, seconds=30))

    assert line() == [late, earlier]
    assert (row(late).line_at - row(late).requested_at).total_seconds() < 30 / 96


@pytest.mark.usefixtures("outage")
def test_numbers_run_through_the_whole_bulk() -> None:
    """Each is put back by nine calls more, in whatever part it is kept; those that were known do not count."""
    known = bulk(0, 1, 2)
    rows = [row(booking) for booking in bulk(0, 1, 2, *range(3, 9)) if booking not in known]

    put_back = [(one.line_at - one.requested_at).total_seconds() - 900 for one in rows]
    assert put_back == pytest.approx([9 * CALL * number for number in range(6)], abs=1e-3)

"""The ends of bookings that are written together: what fails alone fails alone."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import enqueue_bookings
from tasks.host import lane
from tasks.work import ends
from tasks.work.claim import BookingClaim, claim
from tasks.work.ends import Ending
from tasks.work.moves import Move
from tests.support.fleet import request, row


def ending(number: int, **columns: Any) -> Ending:
    """Claim a booking, and return its end: Cal.com has it."""
    claimed = claim(dependencies.current(), number)
    assert isinstance(claimed, BookingClaim)
    claimed.pause = lambda _: None
    return Ending(claimed, Move(Status.CONFIRMED, "Cal.com booked it", {"calcom_booking_uid": f"u{number}", **columns}))


@pytest.fixture
def bookings(settings: Callable[..., dict[str, str]]) -> list[int]:
    """Return the ids of three bookings that are asked for."""
    settings()
    return [one.appointment_id for one in enqueue_bookings([request(number) for number in range(3)])]


def test_one_lease_that_is_lost_is_nobody_elses(bookings: list[int]) -> None:
    """It is told by itself that its row is no longer its own; the uid is kept for the next claim."""
    endings = [ending(number) for number in bookings]
    with dependencies.current().engine.begin() as conn:
        taken = "UPDATE appointments SET claim_token = :token WHERE id = :id"
        conn.execute(text(taken), {"token": uuid4(), "id": bookings[1]})

    assert ends._write_together(endings) == [True, False, True]  # noqa: SLF001 - the group
    assert ends.write(*endings[1]) is None

    seen = [row(number) for number in bookings]
    assert [one.status for one in seen] == [Status.CONFIRMED, Status.BOOKING, Status.CONFIRMED]
    assert [one.calcom_booking_uid for one in seen] == [f"u{number}" for number in bookings]


def test_an_end_is_written_out_of_its_lane(bookings: list[int]) -> None:
    """Another task calls meanwhile."""
    one = ending(bookings[0])
    seen: list[Status] = []
    lane.take(lambda: seen.append(row(bookings[0]).status))

    assert ends.write(*one) == one.move

    assert (seen, row(bookings[0]).status) == ([Status.BOOKING], Status.CONFIRMED)
    assert not lane.give_back()


def test_one_that_a_constraint_refuses_is_nobody_elses(bookings: list[int]) -> None:
    """The others are written by themselves, and stand."""
    endings = [ending(bookings[0]), ending(bookings[1], retry_count=-1), ending(bookings[2])]

    assert ends._write_together(endings) == [False] * 3  # noqa: SLF001 - the group
    for one in (endings[0], endings[2]):
        assert ends.write(*one) == one.move
    with pytest.raises(IntegrityError):
        ends.write(*endings[1])

    assert [row(number).status for number in bookings] == [Status.CONFIRMED, Status.BOOKING, Status.CONFIRMED]


def test_one_that_cannot_be_written_is_nobody_elses(bookings: list[int]) -> None:
    """It fails before Postgres hears of it, by an error that is none of Postgres's."""
    endings = [ending(bookings[0]), ending(bookings[1], calcom_booking_uid="\ud800"), ending(bookings[2])]

    assert _together(endings) == [False] * 3
    for one in (endings[0], endings[2]):
        assert ends.write(*one) == one.move
    with pytest.raises(UnicodeEncodeError):
        ends.write(*endings[1])

    assert [row(number).status for number in bookings] == [Status.CONFIRMED, Status.BOOKING, Status.CONFIRMED]


def _together(endings: list[Ending]) -> list[bool] | Exception:
    """Return which of them are written as one group, or the error that all of them have."""
    try:
        return ends._write_together(endings)  # noqa: SLF001 - the group
    except Exception as error:  # noqa: BLE001 - returned for the test to see
        return error


@pytest.mark.parametrize("sent", [1, 2], ids=["alone", "in a group"])
def test_a_lease_that_is_lost_is_told_once(bookings: list[int], sent: int) -> None:
    """What Cal.com has of it is one event of its story."""
    endings = [ending(number) for number in bookings[:sent]]
    with dependencies.current().engine.begin() as conn:
        taken = "UPDATE appointments SET claim_token = :token WHERE id = :id"
        conn.execute(text(taken), {"token": uuid4(), "id": bookings[0]})

    assert ends._write_together(endings)[0] is False  # noqa: SLF001 - the group
    assert ends.write(*endings[0]) is None

    told = "SELECT count(*) FROM appointment_events WHERE appointment_id = :id AND kind = 'late_uid'"
    with dependencies.current().engine.connect() as conn:
        assert conn.execute(text(told), {"id": bookings[0]}).scalar_one() == 1


def test_a_booking_of_the_line_is_written_by_itself_in_its_lane(bookings: list[int]) -> None:
    """Its call took a place in the release window: the line's pace is that of its rows, not of a group."""
    one = ending(bookings[0])
    one.claim.released = True
    left: list[bool] = []
    lane.take(lambda: left.append(True))

    assert ends.write(*one) == one.move

    assert (left, lane.give_back()) == ([], True)

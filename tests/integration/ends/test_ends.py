"""The ends of bookings that are written together: what fails alone fails alone, and the breaker hears of each call."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.lifecycle import Status
from resilience.circuit_breaker.successes import KeptSuccess
from resilience.circuit_breaker.types import CallOutcome, Permit, PlainSuccess, QuotaHeaders, State
from tasks import dependencies
from tasks.attempts import attempt as attempts
from tasks.booking import book_appointment
from tasks.calcom.access import CREATE
from tasks.enqueue import enqueue_bookings
from tasks.host import lane
from tasks.work import ends
from tasks.work.claim import BookingClaim, LeaseLost, claim
from tasks.work.ends import Ending
from tasks.work.moves import Move
from tests.support.fleet import request, row

POST = {"method": "POST", "path": "/v2/bookings"}


def ending(number: int, **columns: Any) -> Ending:
    """Claim a booking, and return its end: Cal.com has it."""
    deps = dependencies.current()
    claimed = claim(deps, number)
    assert isinstance(claimed, BookingClaim)
    claimed.pause = lambda _: None
    permit = deps.breaker.acquire(CREATE, owner=str(claimed.row.claim_token))
    if not (isinstance(permit, Permit) and permit.state is State.CLOSED):
        raise AssertionError(permit)
    said = partial(deps.breaker.record, permit, CallOutcome.SUCCESS)
    kept = KeptSuccess(PlainSuccess(permit, 0.1, QuotaHeaders(0, 0, 0)), deps.breaker, said)
    return Ending(
        claimed, Move(Status.CONFIRMED, "Cal.com booked it", {"calcom_booking_uid": f"u{number}", **columns}), kept
    )


@pytest.fixture
def bookings(settings: Callable[..., dict[str, str]]) -> list[int]:
    """Return the ids of three bookings that are asked for."""
    settings()
    return [one.appointment_id for one in enqueue_bookings([request(number) for number in range(3)])]


def recorded() -> int:
    """Return how many calls the breaker has heard of."""
    return dependencies.current().breaker.calls.recent_calls(CREATE).calls


def test_one_lease_that_is_lost_is_nobody_elses(bookings: list[int]) -> None:
    """It is told by itself that its row is no longer its own; the uid is kept for the next claim."""
    endings = [ending(number) for number in bookings]
    with dependencies.current().engine.begin() as conn:
        taken = "UPDATE appointments SET claim_token = :token WHERE id = :id"
        conn.execute(text(taken), {"token": uuid4(), "id": bookings[1]})

    assert [is_written for is_written, _ in ends._end_together(endings)] == [True, False, True]  # noqa: SLF001 - the group
    assert recorded() == 3
    assert ends.end(endings[1])[0] is None

    seen = [row(number) for number in bookings]
    assert [one.status for one in seen] == [Status.CONFIRMED, Status.BOOKING, Status.CONFIRMED]
    assert [one.calcom_booking_uid for one in seen] == [f"u{number}" for number in bookings]


def test_an_end_is_written_out_of_its_lane(bookings: list[int]) -> None:
    """Another task calls meanwhile."""
    one = ending(bookings[0])
    seen: list[Status] = []
    lane.take(lambda: seen.append(row(bookings[0]).status))

    assert ends.end(one)[0] == one.move

    assert (seen, row(bookings[0]).status) == ([Status.BOOKING], Status.CONFIRMED)
    assert not lane.give_back()


def test_one_that_a_constraint_refuses_is_nobody_elses(bookings: list[int]) -> None:
    """The others are written by themselves, and stand."""
    endings = [ending(bookings[0]), ending(bookings[1], retry_count=-1), ending(bookings[2])]

    assert [is_written for is_written, _ in ends._end_together(endings)] == [False] * 3  # noqa: SLF001 - the group
    for one in (endings[0], endings[2]):
        assert ends.end(one)[0] == one.move
    with pytest.raises(IntegrityError):
        ends.end(endings[1])

    assert [row(number).status for number in bookings] == [Status.CONFIRMED, Status.BOOKING, Status.CONFIRMED]


def test_a_success_that_no_end_will_record_is_recorded_at_once(
    bookings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is lost after the answer: the limit's count of calls in flight must not wait for it."""
    book_appointment.apply([bookings[0]])
    before = recorded()
    claimed = claim(dependencies.current(), bookings[1])
    assert claimed is not None
    monkeypatch.setattr(attempts, "_booked", lose_lease)

    result = attempts.attempt(claimed)

    assert (result.move, result.kept) == (None, None)
    assert recorded() == before + 1


def lose_lease(*_: Any) -> Move:
    """Find that another worker has the row."""
    raise LeaseLost


def test_a_failure_is_recorded_before_its_move_is_written(bookings: list[int], simulator: Any) -> None:
    """The breaker must not open late."""
    book_appointment.apply([bookings[0]])
    before = recorded()
    simulator.faults("status", status=502, match=POST)
    claimed = claim(dependencies.current(), bookings[1])
    assert claimed is not None

    result = attempts.attempt(claimed)

    assert result.kept is None
    assert recorded() == before + 1
    assert row(bookings[1]).status is Status.BOOKING

"""A booking that is to be cancelled and is asked for again is booked: the newest wish counts, and receipts are true."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from booking_client import insertion
from booking_client.receipts import Conflict
from booking_client.request.model import BookingRequest
from db import appointments
from db.appointments import events
from db.lifecycle import Status
from tasks import dependencies
from tasks.attempts.attempt import attempt
from tasks.changes.ask.ask import AskOutcome, Via
from tasks.changes.ask.change import cancel
from tasks.work.claim import BookingClaim, claim
from tests.support.fleet import eventually, request, row
from tests.support.stepping import accept, carry, lose, write
from worker import Receipt, cancel_booking, enqueue_booking, enqueue_bookings

PLAIN = 101
GIVEN = request(1, PLAIN, idempotency_key="form-7841")
DERIVED = request(1, PLAIN)


def one_by_one(wanted: BookingRequest) -> Receipt:
    """Ask for one booking."""
    return enqueue_booking(wanted)


def in_a_bulk(wanted: BookingRequest) -> Receipt:
    """Ask for it among others."""
    [_, receipt] = enqueue_bookings([request(2, PLAIN), wanted])
    assert isinstance(receipt, Receipt)
    return receipt


def to_be_cancelled(wanted: BookingRequest) -> int:
    """Accept a request, lose the answer to its POST, and have it cancelled once its outcome is known."""
    [booking] = accept(wanted)
    lose(booking)
    ordered = cancel(dependencies.current().engine, booking, by="desk", via=Via.COMMAND_LINE, why="customer called")
    assert ordered.outcome is AskOutcome.CANCELLED_AFTER_LOOKUP
    return booking


def story(booking: int) -> Sequence[tuple[str, str]]:
    """Return what happened to a booking, and by whom."""
    with dependencies.current().engine.connect() as conn:
        return [(event.kind, event.by) for event in events.timeline(conn, booking)]


def claimed(booking: int) -> BookingClaim:
    """Claim a booking that is due."""
    write(booking, next_attempt_at=None)
    taken = claim(dependencies.current(), booking)
    assert taken is not None
    return taken


@pytest.mark.parametrize("ask", [one_by_one, in_a_bulk])
def test_who_asks_again_takes_the_cancel_back(
    settings: Callable[..., dict[str, str]], simulator: Any, ask: Callable[[BookingRequest], Receipt]
) -> None:
    """A look shows that nothing is booked: it is posted again, not cancelled."""
    settings()
    booking = to_be_cancelled(DERIVED)

    again = ask(DERIVED)

    assert (again.appointment_id, again.status, again.duplicate) == (booking, Status.RETRYING, True)
    assert carry(booking).status is Status.CONFIRMED
    assert [one["status"] for one in simulator.bookings(str(row(booking).uuid))] == ["accepted"]
    assert [one for one in story(booking) if "cancel" in one[0]] == [
        ("cancel_requested", "desk"),
        ("cancel_taken_back", "caller"),
    ]


def test_another_request_with_its_key_takes_no_cancel_back(settings: Callable[..., dict[str, str]]) -> None:
    """That is a conflict, and nobody has asked for this booking again."""
    settings()
    booking = to_be_cancelled(GIVEN)

    [answer] = enqueue_bookings([request(2, PLAIN, idempotency_key="form-7841")])

    assert isinstance(answer, Conflict)
    assert row(booking).cancel_requested


def test_what_is_booked_and_to_be_cancelled_there_is_wanted_again(settings: Callable[..., dict[str, str]]) -> None:
    """Nobody is to cancel at Cal.com what its customer was told that he has."""
    settings()
    [booking] = accept(DERIVED)
    carry(booking)
    cancel_booking(booking)

    again = enqueue_booking(DERIVED)

    assert (again.appointment_id, again.status) == (booking, Status.CONFIRMED)
    assert not row(booking).cancel_requested


def test_a_worker_that_was_about_to_cancel_it_goes_on_with_it(settings: Callable[..., dict[str, str]]) -> None:
    """It has looked, and decided by the wish before this one; its move finds the cancel taken back."""
    settings()
    booking = to_be_cancelled(DERIVED)
    worker = claimed(booking)
    decided = attempt(worker).move
    assert decided is not None
    assert decided.to is Status.CANCELLED

    again = enqueue_booking(DERIVED)
    written = worker.write(decided)

    assert (again.appointment_id, again.status, again.duplicate) == (booking, Status.BOOKING, True)
    assert written is not None
    assert (written.to, written.retry_in) == (Status.RETRYING, 0)
    assert carry(booking).status is Status.CONFIRMED


@pytest.mark.parametrize("ask", [one_by_one, in_a_bulk])
def test_what_a_worker_cancels_at_that_very_moment_is_asked_for_again(
    settings: Callable[..., dict[str, str]], ask: Callable[[BookingRequest], Receipt]
) -> None:
    """The caller waits for the worker's transaction; when that has cancelled it, the request is a new one."""
    settings()
    booking = to_be_cancelled(DERIVED)
    token = claimed(booking).row.claim_token
    with ThreadPoolExecutor(1) as caller, dependencies.current().engine.connect() as conn:
        appointments.move(conn, booking, Status.BOOKING, Status.CANCELLED, token=token, outcome_unknown=False)
        waiting = caller.submit(ask, DERIVED)
        eventually(_somebody_waits, what="the caller waits")
        conn.commit()
        again = waiting.result(30)

    assert (again.status, again.duplicate) == (Status.PENDING, False)
    assert again.appointment_id != booking
    assert row(booking).status is Status.CANCELLED


@pytest.mark.parametrize("ask", [one_by_one, in_a_bulk])
def test_what_a_worker_cancelled_before_that_was_taken_back_is_asked_for_again(
    settings: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch, ask: Callable[[BookingRequest], Receipt]
) -> None:
    """The row was found as it was a moment ago; nobody is told that it is being booked."""
    settings()
    booking = to_be_cancelled(DERIVED)
    worker = claimed(booking)
    take_back = insertion._take_back  # noqa: SLF001 - between two of its statements something happens

    def cancelled_first(ids: list[int], rule: Any) -> Any:
        if row(booking).status is Status.BOOKING:
            with dependencies.current().engine.begin() as other:
                token = worker.row.claim_token
                appointments.move(other, booking, Status.BOOKING, Status.CANCELLED, token=token, outcome_unknown=False)
        return take_back(ids, rule)

    monkeypatch.setattr(insertion, "_take_back", cancelled_first)
    again = ask(DERIVED)

    assert (again.status, again.duplicate) == (Status.PENDING, False)
    assert row(booking).status is Status.CANCELLED


def _somebody_waits() -> bool:
    with dependencies.current().engine.connect() as conn:
        return bool(conn.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())

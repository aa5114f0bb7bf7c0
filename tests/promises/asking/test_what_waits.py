"""That a cancel waits and that a move waits are two things: each ends with its own change alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, update

from booking_client.request.model import BookingRequest
from db.appointments import events
from db.changes import asking, sweeps
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from db.models.changes import booking_changes
from tasks import dependencies
from tasks.attempts.attempt import attempt
from tasks.changes.ask.ask import Via
from tasks.operations import revoke
from tasks.operations.retry import retry
from tasks.work.claim import claim
from tasks.work.moves import Move
from tests.support.fleet import request, row
from tests.support.stepping import POST, accept, carry, let_pass, write
from worker import Receipt, cancel_booking, enqueue_booking, enqueue_bookings, reschedule_booking

PLAIN = 101
GIVEN = request(1, PLAIN, idempotency_key="form-7841")
DERIVED = request(1, PLAIN)
WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
CENTURY = timedelta(days=36_500).total_seconds()
KINDS = pytest.mark.parametrize("wanted", [DERIVED, GIVEN], ids=["derived key", "given key"])

End = Callable[[BookingChange], object]


def changes(booking: int) -> list[BookingChange]:
    """Return the changes of a booking."""
    with dependencies.current().engine.connect() as conn:
        return asking.of_booking(conn, booking)


def told(booking: int) -> set[str]:
    """Return the kinds of a booking's events."""
    with dependencies.current().engine.connect() as conn:
        return {event.kind for event in events.timeline(conn, booking)}


def unknown(wanted: BookingRequest, simulator: Any, *, is_booked: bool = False) -> int:
    """Accept a request whose POST is not answered; Cal.com may have booked it."""
    simulator.faults("commit_then_reset" if is_booked else "reset", count=1, match=POST)
    [booking] = accept(wanted)
    assert carry(booking).outcome_unknown
    let_pass(600)
    return booking


def expires(change: BookingChange) -> None:
    """Let the wanted start of a move come too near."""
    with dependencies.current().engine.begin() as conn:
        assert [one.id for one in sweeps.expire(conn, lead_seconds=CENTURY, limit=9)] == [change.id]


def is_revoked(change: BookingChange) -> None:
    """Revoke a change, as Flower does."""
    revoke.cancel([change.task_id], "worker@test")


def moves(booking: int) -> None:
    """Ask for a move of a booking."""
    reschedule_booking(booking, WANTED)


def cancels(booking: int) -> None:
    """Ask for the cancel of a booking."""
    cancel_booking(booking)


@pytest.mark.parametrize("is_booked", [False, True], ids=["not booked", "booked"])
@pytest.mark.parametrize(
    ("ask", "end", "status"),
    [
        (moves, expires, ChangeStatus.EXPIRED),
        (moves, is_revoked, ChangeStatus.WITHDRAWN),
        (cancels, is_revoked, ChangeStatus.WITHDRAWN),
    ],
    ids=["a move expires", "a move is revoked", "a cancel is revoked"],
)
def test_what_waited_and_is_over_cancels_nobody(
    settings: Callable[..., dict[str, str]],
    simulator: Any,
    ask: Callable[[int], None],
    end: End,
    status: ChangeStatus,
    is_booked: bool,  # noqa: FBT001 - a case
) -> None:
    """The booking stands as before, which its customer was told: at Cal.com too, and nobody is told to cancel it."""
    settings()
    booking = unknown(DERIVED, simulator, is_booked=is_booked)
    ask(booking)
    [change] = changes(booking)

    end(change)

    assert [one.status for one in changes(booking)] == [status]
    assert (row(booking).cancel_requested, row(booking).move_requested) == (False, False)
    assert carry(booking).status is Status.CONFIRMED
    assert [one["status"] for one in simulator.bookings(str(row(booking).uuid))] == ["accepted"]
    assert "cancel_there" not in told(booking)


def test_what_ends_while_a_worker_decides_cancels_nobody(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """The worker has read that a move waits; when it writes, none does."""
    settings()
    booking = unknown(DERIVED, simulator)
    moves(booking)
    write(booking, next_attempt_at=None)
    worker = claim(dependencies.current(), booking)
    assert worker is not None
    decided = attempt(worker).move
    assert decided is not None
    assert decided.to is Status.CANCELLED  # or, if the move still waits then, asked for at the wanted start

    expires(changes(booking)[0])
    written = worker.write(decided)

    assert written is not None
    assert (written.to, written.retry_in) == (Status.RETRYING, 0)
    assert (carry(booking).status, row(booking).start_at) == (Status.CONFIRMED, DERIVED.start)


@pytest.mark.usefixtures("simulator")
def test_a_failed_booking_whose_move_was_refused_is_booked_when_it_is_retried(
    settings: Callable[..., dict[str, str]],
) -> None:
    """The move was asked for during its last POST and is over with the booking: the next POST goes."""
    settings()
    [booking] = accept(DERIVED)
    worker = claim(dependencies.current(), booking)
    assert worker is not None
    moves(booking)
    worker.write(Move(Status.FAILED, "retries used up"))
    with dependencies.current().engine.begin() as conn:
        sweeps.let_next_go(conn)
    assert [one.status for one in changes(booking)] == [ChangeStatus.REFUSED]

    retry(dependencies.current().engine, booking, by="operator", via=Via.COMMAND_LINE, why="a test")

    assert (carry(booking).status, row(booking).start_at) == (Status.CONFIRMED, DERIVED.start)


@KINDS
def test_a_repeat_of_the_first_request_takes_back_no_move(
    settings: Callable[..., dict[str, str]], simulator: Any, wanted: BookingRequest
) -> None:
    """Its customer heard that the new time is noted: the booking is there in the end."""
    settings()
    booking = unknown(wanted, simulator)
    moves(booking)

    again = enqueue_booking(wanted)

    assert (again.appointment_id, again.duplicate) == (booking, True)
    assert [one.status for one in changes(booking)] == [ChangeStatus.WAITING]
    assert row(booking).move_requested
    carry(booking)
    assert (carry(booking).status, row(booking).start_at) == (Status.CONFIRMED, WANTED)


def test_a_repeat_with_its_given_key_is_a_read(settings: Callable[..., dict[str, str]], simulator: Any) -> None:
    """A queue delivers at least once: no cancel is taken back by that, alone or in a bulk."""
    settings()
    booking = unknown(GIVEN, simulator)
    cancels(booking)

    alone = enqueue_booking(GIVEN)
    [_, among] = enqueue_bookings([request(2, PLAIN), GIVEN])

    assert isinstance(among, Receipt)
    assert {(one.appointment_id, one.duplicate) for one in (alone, among)} == {(booking, True)}
    assert [one.status for one in changes(booking)] == [ChangeStatus.WAITING]
    assert carry(booking).status is Status.CANCELLED


@pytest.mark.usefixtures("simulator")
def test_a_cancel_that_is_taken_back_leaves_the_move_that_was_sent(settings: Callable[..., dict[str, str]]) -> None:
    """Of a booking that Cal.com has: its cancel waits for the move."""
    settings()
    [booking] = accept(DERIVED)
    carry(booking)
    moves(booking)
    with dependencies.current().engine.begin() as conn:
        soon = func.now() + timedelta(minutes=1)
        sent = {"posts": 1, "outcome_unknown": True, "settle_at": soon, "ends_at": soon, "status": "retrying"}
        conn.execute(update(booking_changes).values(**sent))
    cancels(booking)
    assert (row(booking).cancel_requested, row(booking).move_requested) == (True, True)

    enqueue_booking(DERIVED)

    assert [one.status for one in changes(booking)] == [ChangeStatus.RETRYING, ChangeStatus.WITHDRAWN]
    assert (row(booking).cancel_requested, row(booking).move_requested) == (False, True)


def test_a_wanted_start_that_is_another_requests_refuses_the_move(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """The booking stands as before, as its customer is told then."""
    settings()
    booking = unknown(DERIVED, simulator)
    moves(booking)
    [other] = accept(request(9, PLAIN))
    write(other, idempotency_key=asking.at_start(row(booking), WANTED, lead_seconds=0)["idempotency_key"])

    carry(booking)

    assert [one.status for one in changes(booking)] == [ChangeStatus.REFUSED]
    assert (carry(booking).status, row(booking).start_at) == (Status.CONFIRMED, DERIVED.start)


def test_what_a_worker_of_before_says_of_a_move_is_no_cancel(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """It writes that a cancel is requested: a repeat of the request takes no move back."""
    settings()
    booking = unknown(DERIVED, simulator)
    write(booking, cancel_requested=True)
    moves(booking)
    assert row(booking).cancel_requested

    enqueue_booking(DERIVED)

    assert [one.status for one in changes(booking)] == [ChangeStatus.WAITING]
    carry(booking)
    assert (carry(booking).status, row(booking).start_at) == (Status.CONFIRMED, WANTED)


def test_what_a_worker_of_before_says_of_a_move_is_over_with_it(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """The booking stands as before."""
    settings()
    booking = unknown(DERIVED, simulator)
    write(booking, cancel_requested=True)
    moves(booking)

    expires(changes(booking)[0])

    assert (row(booking).cancel_requested, row(booking).move_requested) == (False, False)
    assert (carry(booking).status, row(booking).start_at) == (Status.CONFIRMED, DERIVED.start)

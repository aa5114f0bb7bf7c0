"""What may be the last seat of a booking is not given up while others join it: Cal.com would end it with them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, text, update

from db.changes import moves, seats
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from db.models.changes import booking_changes
from tasks import dependencies
from tasks.changes.claim import claim_change
from tasks.work.claim import claim
from tests.integration.changes.test_late_looks import CHANGE, PLAIN, SEATS, WANTED, asked, booked, carried, living
from tests.support.changes import ask_change
from tests.support.fleet import eventually, request, row
from tests.support.stepping import POST, accept, carry, carry_change, write

pytestmark = pytest.mark.usefixtures("world")

ELSEWHEN = WANTED + timedelta(hours=2)
AT_WORK, UNCLEAR, NOBODY = False, True, None


@pytest.fixture
def world(settings: Callable[..., dict[str, str]], simulator: Any) -> Any:
    """Give this process a Cal.com, and return it."""
    settings(CALCOM_SETTLE_ANSWERED_SECONDS="5", CALCOM_SETTLE_SECONDS="130")
    return simulator


@contextmanager
def stalled(world: Any, match: dict[str, str], work: Callable[[], object]) -> Any:
    """Do a work whose call stands still before it is written, as long as the block lasts."""
    world.faults("stall", step="insert", count=1, match=match)
    before = len(world.journal())
    with ThreadPoolExecutor(1) as pool:
        done: Future[object] = pool.submit(work)
        try:
            eventually(lambda: len(world.journal()) > before)
            yield
        finally:
            world.no_faults()
        done.result()


def test_who_would_join_while_the_last_seat_is_given_up_is_booked_when_it_is(world: Any) -> None:
    """Not in the booking that ends."""
    first = booked(SEATS, 1, start=WANTED)
    [second] = accept(request(2, SEATS, start=WANTED))
    change = asked(first, None)

    with stalled(world, CHANGE, lambda: carry_change(change)):
        assert carry(second).status is Status.RETRYING
        assert row(second).posts == 0
    assert carried(change).status is ChangeStatus.DONE

    assert carry(second).status is Status.CONFIRMED
    assert len(living(world, second)) == 1
    assert living(world, first) == []


def test_the_last_seat_is_given_up_when_who_joins_is_booked(world: Any) -> None:
    """A seat more is there then, and stands."""
    first = booked(SEATS, 1, start=WANTED)
    [second] = accept(request(2, SEATS, start=WANTED))
    change = asked(first, None)

    with stalled(world, POST, lambda: carry(second)):
        assert carry_change(change).status is ChangeStatus.RETRYING
    assert row(second).status is Status.CONFIRMED

    assert carry_change(change).status is ChangeStatus.DONE
    assert row(second).calcom_booking_uid in living(world, second)


def seat(number: int, uid: str = "shared", **columns: Any) -> int:
    """Write a booking down that has a seat."""
    [booking] = accept(request(number, SEATS, start=columns.pop("start", WANTED)))
    there = {"status": Status.CONFIRMED, "calcom_booking_uid": uid, "calcom_seat_uid": f"seat-{number}"}
    write(booking, enqueued_at=None, **{**there, **columns})
    return booking


def change_of(booking: int, stands: str, start: Any = None) -> BookingChange:
    """Have a change of a booking asked for, at work, or of unknown outcome, perhaps settled by now."""
    engine = dependencies.current().engine
    with engine.begin() as conn:
        one = ask_change(conn, row(booking), start)
    if stands == "at work":
        assert claim_change(dependencies.current(), one.id) is not None
    elif stands != "asked":
        _unclear(booking_changes, one.id, {"status": "retrying"}, stands)
    with engine.connect() as conn:
        now = moves.get(conn, one.id)
    assert now is not None
    return now


def joins(number: int, stands: str, event_type: int = SEATS, start: Any = WANTED) -> int:
    """Have a booking of a time asked for, at work, or of unknown outcome, perhaps settled by now."""
    [booking] = accept(request(number, event_type, start=start))
    if stands == "at work":
        assert claim(dependencies.current(), booking) is not None
    elif stands != "asked":
        write(booking, status="retrying", sent_at=func.now(), **_times(stands))
    return booking


def _times(stands: str) -> dict[str, Any]:
    at = text("now() - interval '1 s'" if stands == "settled" else "now() + interval '1 min'")
    return {"outcome_unknown": True, "posts": 1, "settle_at": at, "ends_at": text("now() + interval '2 min'")}


def _unclear(table: Any, number: int, columns: dict[str, Any], stands: str) -> None:
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == number).values(**columns, **_times(stands)))


STANDS = [("asked", NOBODY), ("at work", AT_WORK), ("unclear", UNCLEAR), ("settled", NOBODY)]


def given_up(booking: int, start: Any = WANTED) -> bool | None:
    """Ask for whom the booking would join."""
    with dependencies.current().engine.connect() as conn:
        return seats.given_up(conn, booking, start)


def joined(change: BookingChange) -> bool | None:
    """Ask who joins the booking of a change."""
    with dependencies.current().engine.connect() as conn:
        return seats.joined(conn, change.id)


@pytest.mark.parametrize(("stands", "meets"), STANDS)
def test_a_seat_is_given_up_as_long_as_its_call_may_be_at_work(stands: str, meets: Any) -> None:
    """By a cancel, and by a move to another time."""
    change_of(seat(1), stands, None)
    change_of(seat(2, "another", start=ELSEWHEN), stands, WANTED)

    joining = joins(3, "asked")
    assert given_up(joining) is meets
    assert given_up(joining, ELSEWHEN) is meets


@pytest.mark.parametrize(("stands", "meets"), STANDS)
def test_somebody_joins_as_long_as_the_call_may_be_at_work(stands: str, meets: Any) -> None:
    """With a booking, or with a move to that time."""
    change = change_of(seat(1), "at work")
    assert joined(change) is NOBODY

    joins(2, stands)
    assert joined(change) is meets

    later = change_of(seat(3, "later", start=ELSEWHEN), "at work")
    change_of(seat(4, "elsewhere"), stands, ELSEWHEN)
    assert joined(later) is meets


def test_who_was_moved_gives_up_the_seat_that_it_has_now() -> None:
    """Not the one that it asked for first."""
    change = change_of(seat(1, booked_start_at=ELSEWHEN), "at work")
    joining = joins(2, "at work")

    assert (given_up(joining), joined(change)) == (NOBODY, NOBODY)
    joins(3, "at work", start=ELSEWHEN)
    assert (given_up(joining, ELSEWHEN), joined(change)) == (AT_WORK, AT_WORK)


def test_beside_another_of_ours_a_seat_is_not_the_last() -> None:
    """Nobody waits then."""
    change = change_of(seat(1), "at work")
    beside = seat(2)
    joining = joins(3, "at work")
    assert (given_up(joining), joined(change)) == (NOBODY, NOBODY)

    write(beside, status=Status.CANCELLED)
    assert (given_up(joining), joined(change)) == (AT_WORK, AT_WORK)


def test_another_time_another_type_and_what_has_no_seats_are_not_met() -> None:
    """Nobody waits for another's trouble."""
    change = change_of(seat(1), "at work")
    for number, (event_type, start) in enumerate([(SEATS, ELSEWHEN), (PLAIN, WANTED)], 2):
        other = joins(number, "at work", event_type, start)
        assert given_up(other, start) is NOBODY
    assert joined(change) is NOBODY

    plain = change_of(seat(5, "plain", start=ELSEWHEN, calcom_seat_uid=None), "at work")
    assert given_up(joins(6, "asked", start=ELSEWHEN), ELSEWHEN) is NOBODY
    assert plain.from_seat_uid is None


def test_who_is_just_claiming_counts_as_at_work() -> None:
    """It has not seen the change at work, so it must be seen itself; and nobody waits for a caller's transaction."""
    change = change_of(seat(1), "at work")
    bookings = [joins(number, "asked") for number in (2, 3)]
    engine = dependencies.current().engine
    with engine.begin() as conn:
        conn.execute(text("SELECT FROM appointments WHERE id = :id FOR UPDATE"), {"id": bookings[1]})
        assert joined(change) is AT_WORK
    assert joined(change) is NOBODY

"""A wish is decided under the lock of its booking: what was wished before it, and what is written meanwhile, counts."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select, text

from db import appointments
from db.lifecycle import ChangeStatus, Status
from db.models.changes import booking_changes
from tasks import dependencies
from tasks.changes.ask.ask import Ask, Via
from tasks.changes.ask.change import change_in
from tasks.work.claim import claim
from tasks.work.moves import KNOWN, Move
from tests.integration.changes.test_turned_away import DONE, ask, claimed, seat, stands
from tests.support.databases.locks import no_wait_for_a_lock
from tests.support.fleet import eventually, request, row
from tests.support.stepping import accept
from worker import cancel_booking

FIRST, NEWEST = datetime(2031, 3, 5, 9, tzinfo=UTC), datetime(2031, 3, 6, 9, tzinfo=UTC)
ASK = Ask("caller", Via.PYTHON, "a test")


def somebody_waits() -> bool:
    """Return whether somebody waits for a lock."""
    with dependencies.current().engine.connect() as conn:
        return bool(conn.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


def test_the_newest_wish_counts_while_the_end_is_written(settings: Callable[..., dict[str, str]]) -> None:
    """It is read when nobody can wish for something else until the move is written."""
    settings()
    deps = dependencies.current()
    [booking] = accept(request(1))
    worker = claim(deps, booking)
    assert worker is not None
    with deps.engine.begin() as conn:
        change_in(conn, booking, replace(ASK, start=FIRST))

    with ThreadPoolExecutor(1) as pool:
        with deps.engine.begin() as conn:
            newest = change_in(conn, booking, replace(ASK, start=NEWEST)).change
            written = pool.submit(worker.write, Move(Status.CANCELLED, "not booked", KNOWN))
            eventually(somebody_waits, what="the worker waits for the booking")
        assert written.result() is not None

    assert newest is not None
    assert stands(newest) is ChangeStatus.DONE
    assert (row(booking).status, row(booking).start_at) == (Status.RETRYING, NEWEST)


def test_who_wishes_the_same_meanwhile_hears_which_change_it_is(settings: Callable[..., dict[str, str]]) -> None:
    """It waits for the booking, and reads what was wished before it when it has the booking."""
    settings()
    deps, booking = dependencies.current(), seat(0)

    with ThreadPoolExecutor(1) as pool:
        with deps.engine.begin() as conn:
            first = change_in(conn, booking.id, ASK).change
            second = pool.submit(cancel_booking, booking.id)
            eventually(somebody_waits, what="the second waits for the booking")
        heard = second.result(60)

    assert first is not None
    assert (heard.change_id, heard.duplicate) == (first.id, True)


def test_a_change_ends_after_what_is_decided_about_its_booking(settings: Callable[..., dict[str, str]]) -> None:
    """Its worker locks the booking first, which it writes next: the other way round both would wait."""
    settings()
    deps, one, columns = dependencies.current(), ask(seat(0)), booking_changes.c
    worker = claimed(one)
    assert worker is not None

    with ThreadPoolExecutor(1) as pool:
        with deps.engine.begin() as conn:
            appointments.get(conn, one.appointment_id, lock=True)
            written = pool.submit(worker.write, DONE)
            eventually(lambda: somebody_waits() or written.done(), what="the worker waits for the booking")
            assert not written.done()
            with no_wait_for_a_lock():
                conn.execute(select(columns.id).where(columns.id == one.id).with_for_update(nowait=True))
        assert written.result(60) is not None

    assert stands(one) is ChangeStatus.DONE

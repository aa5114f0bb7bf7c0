"""A wish for another start of a booking that is not booked yet: the newest one counts, also while a move is written."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import text

from db.lifecycle import ChangeStatus, Status
from tasks import dependencies
from tasks.claim import claim
from tasks.moves import KNOWN, Move
from tasks.operations.booking_commands import Command, Via
from tasks.operations.rescheduling import reschedule_in
from tests.integration.changes.test_turned_away import stands
from tests.support.fleet import eventually, request, row
from tests.support.stepping import accept

FIRST, NEWEST = datetime(2031, 3, 5, 9, tzinfo=UTC), datetime(2031, 3, 6, 9, tzinfo=UTC)
COMMAND = Command("caller", Via.PYTHON, "a test")


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
        reschedule_in(conn, booking, FIRST, COMMAND)

    with ThreadPoolExecutor(1) as pool:
        with deps.engine.begin() as conn:
            newest = reschedule_in(conn, booking, NEWEST, COMMAND).change
            written = pool.submit(worker.write, Move(Status.CANCELLED, "not booked", KNOWN))
            eventually(somebody_waits, what="the worker waits for the booking")
        assert written.result() is not None

    assert newest is not None
    assert stands(newest) is ChangeStatus.DONE
    assert (row(booking).status, row(booking).start_at) == (Status.RETRYING, NEWEST)

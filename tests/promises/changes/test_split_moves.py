"""Many changes, some of whose moves Cal.com splits: nobody is booked twice in the end, and each that was is told.

Each attempt and each look is made here, one after the other; time passes when the test says so.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from db.appointments import events
from db.changes import asking
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from db.models.bookings import appointment_events
from tasks import dependencies
from tasks.booking import book_appointment
from tasks.changes import late_lookups
from tests.sizes import Counted, sizes
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry_change, let_pass
from worker import cancel_booking, reschedule_booking

KINDS = (101, 102, 104, 106)  # plain, to be confirmed, round robin, collective
CHANGE = {"path": "/v2/bookings/*", "method": "POST"}
TIMES = {"CALCOM_SETTLE_ANSWERED_SECONDS": "5", "CALCOM_SETTLE_SECONDS": "130"}
SETTLED, ENDED = 6.0, 170.0  # seconds after which no call is at work, and absence counts
LATER = timedelta(days=40)
ROUNDS = 6  # of attempts, until all changes are over


@sizes(24, many=500)
def test_of_many_changes_nobody_is_there_twice_after_the_late_look(
    settings: Callable[..., dict[str, str]], simulator: Any, size: int, counted: Counted
) -> None:
    """A tenth of the moves is split, every second of these without an answer; one change in eight is a cancel.

    A change that was answered cleanly costs one call.
    """
    settings(**TIMES)
    bookings = accept(*(request(number, KINDS[number % len(KINDS)]) for number in range(size + len(KINDS))))
    for booking in bookings:
        book_appointment.apply([booking])
        assert row(booking).status is Status.CONFIRMED
    let_pass(ENDED)
    for booking in bookings[: len(KINDS)]:  # from now on the types are known
        reschedule_booking(booking, row(booking).start_at + LATER)
        assert carry_change(_change_of(booking).id).status is ChangeStatus.DONE
    moved, clean_calls, clean = bookings[len(KINDS) :], 0, 0
    split: list[int] = []
    seen = simulator.journal()[-1]["n"]
    for number, booking in enumerate(moved):
        if number % 8 == 1:
            cancel_booking(booking)
        else:
            reschedule_booking(booking, row(booking).start_at + LATER)
            if number % 10 == 0:
                split.append(booking)
                simulator.faults("split", count=1, match=CHANGE, close=number % 20 == 0)
        over = carry_change(_change_of(booking).id).over
        calls = simulator.journal(seen)
        seen += len(calls)
        if booking not in split:
            assert over
            clean, clean_calls = clean + 1, clean_calls + len(calls)
    for _ in range(ROUNDS):
        let_pass(SETTLED if not _open(moved) else ENDED)
        for change in _open(moved):
            carry_change(change.id)
    assert _open(moved) == []
    late = _look_at_all()

    lines = simulator.books()
    twice = [booking for booking in moved if len(_living(lines, booking)) != (row(booking).status is Status.CONFIRMED)]
    wrong = [booking for booking in moved if _living(lines, booking) not in ([], [row(booking).calcom_booking_uid])]
    counted("changes", size)
    counted("split", len(split))
    counted("there twice", len(twice))
    counted("told", _told(split))
    counted("calls of clean changes", clean_calls)
    counted("late looks", late)
    assert (twice, wrong) == ([], [])
    assert (_told(moved), late) == (len(split), len(split))
    assert {_change_of(booking).status for booking in split} == {ChangeStatus.DONE}
    assert clean_calls == clean


def _change_of(booking: int) -> BookingChange:
    with dependencies.current().engine.connect() as conn:
        return asking.of_booking(conn, booking)[-1]


def _open(bookings: Iterable[int]) -> list[BookingChange]:
    return [change for change in map(_change_of, bookings) if not change.over]


def _look_at_all() -> int:
    """Look at what is due, and again when all of it would be; return how many changes were looked at."""
    looked = 0
    for _ in range(2):
        let_pass(ENDED)
        while now := late_lookups.look_late(dependencies.current()):
            looked += now
    return looked


def _living(lines: list[dict[str, Any]], booking: int) -> list[str]:
    own = str(row(booking).uuid)
    return [line["uid"] for line in lines if line["reference"] == own and line["ended"] is None]


def _told(bookings: list[int]) -> int:
    """Count the bookings of which an operator was told that they were there twice."""
    columns = appointment_events.c
    named = columns.kind == events.CHANGE_NEEDS_YOU, columns.appointment_id.in_(bookings)
    with dependencies.current().engine.connect() as conn:
        return int(conn.execute(select(func.count(columns.appointment_id.distinct())).where(*named)).scalar_one())

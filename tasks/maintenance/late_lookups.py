"""Lookups that no booking's own task makes: of suspects, which are never posted, and of the weeks of a series.

Each run makes a few lookups, in one thread of a process, so that they neither use up the limit nor delay other tasks.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from db import appointments
from db.appointments import series
from db.appointments.appointment import Appointment
from db.changes import asking
from db.changes.change import BookingChange
from db.models.changes import SeriesScope
from db.queue import sweeps
from db.queue.kinds import BOOKINGS
from tasks import dependencies
from tasks.accounts.door import NoAccess
from tasks.attempts import outcome
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.lookup import LookupKind, LookupResult, lookup
from tasks.calcom.reply import Reply
from tasks.dependencies import Dependencies
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import NotNow
from tasks.guarded_calls.event_type_lookup import NotAskedError
from tasks.guarded_calls.trials import ReaderCalls
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask
from tasks.work.moves import CallMade

AT_ONCE = 5  # bookings in each run

log = Logger(__name__)
_running = threading.Lock()


@app.task(base=PeriodicTask, name="tasks.maintenance.late_lookups.look_again")
def look_again() -> dict[str, int]:
    """Look up the suspects that are due, and count the weeks of series that may be cut; return the counts."""
    if not _running.acquire(blocking=False):
        return {}
    try:
        done: dict[str, Any] = {
            "suspects": _suspects(dependencies.current()),
            "series": _series(dependencies.current()),
        }
    except NotNow:  # the breaker is open, or the limit is reached
        return {}
    finally:
        _running.release()
    if any(done.values()):
        log.info("looked_again", **done)
    return done


def _suspects(built: Dependencies) -> int:
    """Look up suspects, and confirm those found at Cal.com; return how many. The others are tried again in an hour."""
    with built.engine.begin() as conn:
        rows = sweeps.suspects_due(conn, BOOKINGS, AT_ONCE, again_seconds=outcome.LONGEST_PAUSE)
    found = 0
    for row in rows:
        try:
            result, made = _look_up(built.for_account(row.account_id), row)
        except NoAccess:  # in an hour again
            continue
        if result.kind not in {LookupKind.FOUND, LookupKind.MOVED} or result.there.uid is None:
            continue
        with built.engine.begin() as conn:
            appointments.record_late_uid(
                conn, row.id, result.there, why="found at Cal.com", by="sweeper", detail={"calls": made}
            )
        found += 1
    return found


def _look_up(built: Dependencies, row: Appointment) -> tuple[LookupResult, list[CallMade]]:
    """Look up one booking; return the result, and the calls that were made for it."""
    made = list[CallMade | None]()
    calls = ReaderCalls(built, row.correlation_id, on_report=lambda _, call: made.append(call))
    return lookup(calls, row, by_address=False), [call for call in made if call]


def _series(built: Dependencies) -> int:
    """Count the weeks of series whose POST was refused, or not answered, in the middle of the series."""
    with built.engine.connect() as conn:
        rows = series.series_due(conn, AT_ONCE)
    return sum(_count(built, row) for row in rows)


def _count(built: Dependencies, row: Appointment) -> bool:
    try:
        built = built.for_account(row.account_id)
        calls = ReaderCalls(built, row.correlation_id)
        weeks = read_bookings(calls.booking(row.series_uid or ""))
    except NoAccess:
        weeks = None
    if weeks is None or isinstance(weeks, Reply):
        with built.engine.begin() as conn:
            series.put_off(conn, row.id)
        return False
    try:
        kept = event_type_lookup.recent(built, calls, row)
    except NotAskedError:
        return False
    alive = [week for week in weeks if not week.cancelled]
    own = next((week for week in alive if week.is_at(row.start_at)), None)
    of = kept.occurrences  # None: this key may not read the type
    with built.engine.begin() as conn:
        booked = len(alive) + _cancelled_on_wish(weeks, asking.of_booking(conn, row.id))
        return series.count_series(conn, row.id, weeks=booked, of=of, uid=own.uid if own else None)


def _cancelled_on_wish(weeks: Iterable[Booking], changes: Sequence[BookingChange]) -> int:
    """Count the weeks of a series that a change of these has cancelled: they were made, and are not missing."""
    sent = [one for one in changes if one.part is not None and one.weeks_named]

    def meant(week: Booking) -> bool:
        return any(
            week.uid in one.weeks_named
            or (one.scope is SeriesScope.FOLLOWING and one.week is not None and week.start and week.start >= one.week)
            for one in sent
        )

    return sum(week.cancelled and week.moved_to is None and meant(week) for week in weeks)

"""Count the weeks of series whose POST was refused, or not answered, in the middle of the series."""

from collections.abc import Iterable, Sequence

from db.appointments import series
from db.appointments.appointment import Appointment
from db.changes import asking
from db.changes.change import BookingChange
from db.models.changes import SeriesScope
from tasks.accounts.door import NoAccess
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.reply import Reply
from tasks.dependencies import Dependencies
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.event_type_lookup import NotAskedError
from tasks.guarded_calls.trials import ReaderCalls


def count_weeks(built: Dependencies, most: int) -> int:
    """Count the weeks of at most so many series; return of how many."""
    with built.engine.connect() as conn:
        rows = series.series_due(conn, most)
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

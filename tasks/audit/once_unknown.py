"""Find who was answered "not booked" and is: all kept rows whose outcome was once unknown (docs/audit.md)."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

from db.appointments import Appointment
from db.audits import bookings
from db.lifecycle import Status
from tasks.audit.calls import AuditCalls
from tasks.audit.finding import AuditFinding
from tasks.audit.listing import Progress, between, read_listing
from tasks.audit.questions import verdict

_NOT_BOOKED = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED})


def once_unknown(calls: AuditCalls, *, progress: Progress) -> Iterator[tuple[Appointment, AuditFinding]]:
    """Yield the rejected, failed and expired rows that Cal.com has, by their start, and what it has; changes nothing.

    A day's list is read once for all its rows, and what it does not show is asked for by its uid, where one is known.

    Raises:
        AuditHalted: A list could not be read whole, or the breaker lets nothing through.
    """
    days = _days(calls)
    everything, done = sum(map(len, days.values())), 0
    for day, references in days.items():
        progress(done, everything)
        listing = read_listing(calls, between(day, day + timedelta(days=1)))
        for row in _rows(calls, references):  # read after the list: what has been confirmed meanwhile is no news
            judged = verdict(calls, row, listing, settled=True) if row.status in _NOT_BOOKED else None
            if isinstance(judged, AuditFinding):
                yield row, judged
        done += len(references)
    progress(done, everything)


def _days(calls: AuditCalls) -> dict[datetime, list[str]]:
    """Return the references of the rows, by the day, UTC, of their start."""
    days: defaultdict[datetime, list[str]] = defaultdict(list)
    with calls.deps.engine.connect() as conn:
        for row in bookings.once_unknown(conn):
            day = row.start_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            days[day].append(str(row.uuid))
    return days


def _rows(calls: AuditCalls, references: Collection[str]) -> list[Appointment]:
    with calls.deps.engine.connect() as conn:  # given back before Cal.com is asked: an audit may wait for its turn
        return sorted(bookings.by_references(conn, references), key=lambda row: (row.start_at, row.id))

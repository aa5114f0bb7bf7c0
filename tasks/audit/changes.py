"""Read at Cal.com what a cancel or a move of ours has left: one GET of the uid that its POSTs named.

A host may move a booking in the second in which we cancel it: both calls are answered with success, and the booking
lives under another uid (docs/calcom.md, "Two at once"). No answer shows that, and a booking months ahead is in no list
of this day.
"""

from datetime import datetime, timedelta

from db import appointments
from db.appointments.appointment import Appointment
from db.audits import changes
from db.audits.changes import EndedChange
from db.lifecycle import Status
from tasks.audit.calls import AuditCalls
from tasks.audit.finding import AuditFinding, AuditFindingKind, NoFinding, finding
from tasks.audit.listing import About, Answered, Listing, Question
from tasks.audit.motion import is_settled
from tasks.audit.questions import ask_booking, verdict
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import MAX_MOVES
from tasks.dependencies import Dependencies


def lag(deps: Dependencies) -> timedelta:
    """Return by how much earlier than the days of an audit the changes end that it reads: no replica is behind them."""
    return timedelta(seconds=deps.timings.settle_unanswered)


def of_days(deps: Dependencies, start: datetime, end: datetime, *, account: int) -> list[EndedChange]:
    """Return an account's changes of the days from `start` until before `end`."""
    late = lag(deps)
    with deps.engine.connect() as conn:
        return changes.ended_between(conn, start - late, end - late, account=account)


def judge_change(calls: AuditCalls, change: EndedChange) -> tuple[Appointment | None, AuditFinding | NoFinding]:
    """Return a change's row as it is now, and whether Cal.com's word on what the change named contradicts it.

    More than one call is made only where it does: for a booking that was moved, or a second one that lives.

    Raises:
        AuditHalted: The breaker denies the call.
    """
    with calls.deps.engine.connect() as conn:
        listing = Listing(appointments.now(conn))
    shown = ask_booking(calls, Question(About.BOOKING, change.from_uid), listing)
    with calls.deps.engine.connect() as conn:
        row = appointments.get(conn, change.appointment_id)
    if row is None or shown is Answered.NOWHERE:
        return row, NoFinding.AGREES
    if shown is Answered.UNREADABLE:
        return row, NoFinding.CANNOT_TELL
    _ask_successors(calls, {change.to_uid, row.calcom_booking_uid}, listing)
    if (week := _living_week(change, listing)) is not None:
        message = f"a week that we have cancelled was moved at that moment, and lives at Cal.com ({week.uid})"
        return row, finding(AuditFindingKind.NOT_HERE, row, message)
    own_is_shown = row.status is Status.CONFIRMED and row.calcom_booking_uid in listing.bookings
    if not own_is_shown and all(place.booking.cancelled for place in listing.of(row)):
        return row, NoFinding.AGREES
    return row, verdict(calls, row, listing, settled=is_settled(row, listing.began, calls.deps))


def _ask_successors(calls: AuditCalls, known: set[str | None], listing: Listing) -> None:
    """Ask for each booking to which one that is shown was moved, but for those that our row or change names."""
    for _ in range(MAX_MOVES):
        successors = (booking.moved_to for booking in listing.bookings.values() if booking.moved_to)
        unknown = next((uid for uid in successors if uid not in known and uid not in listing.bookings), None)
        if unknown is None or ask_booking(calls, Question(About.BOOKING, unknown), listing) is not Answered.FOUND:
            return


def _living_week(change: EndedChange, listing: Listing) -> Booking | None:
    """Return a living successor of a week that a POST has named, and that no POST has named itself."""
    for uid in change.weeks_named:
        week = listing.bookings.get(uid)
        for _ in range(MAX_MOVES):
            if week is None or week.moved_to is None or week.moved_to in change.weeks_named:
                break
            week = listing.bookings.get(week.moved_to)
            if week is not None and not week.cancelled:
                return week
    return None

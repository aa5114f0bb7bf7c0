"""Bookings after a restore: Cal.com has bookings that the restored database does not (docs/deploying.md).

The outcome of a booking that was in progress at the backup is unknown: it is looked up before it is posted. A request
after the backup has no row any more; if Cal.com has booked it, a new request must get that booking, not a second one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from db.appointments import Appointment
from db.appointments.there.late_answers import TOLD_NOT_BOOKED, record_late_uid
from db.audits import bookings, restored
from db.audits.restored import RestoredBooking
from db.monitoring import operator_actions
from tasks.audit.calls import AuditCalls
from tasks.audit.listing import Listing, Progress, read_listing
from tasks.calcom.booking import Booking
from tasks.calcom.request_body import instant
from tasks.dependencies import Dependencies

_WHY = "it was booked after the backup from which the database was restored"


@dataclass(frozen=True, slots=True)
class Restored:
    """Counts of the bookings at Cal.com whose rows are lost: of all, and of those requested again here (`asked_again`).

    `unnamed` counts those whose attendee is hidden from this key, so that no new request for them can be recognized.
    """

    found: int = 0
    asked_again: int = 0
    unnamed: int = 0

    def __add__(self, other: "Restored") -> "Restored":
        """Add up the counts of two accounts."""
        return Restored(self.found + other.found, self.asked_again + other.asked_again, self.unnamed + other.unnamed)


def make_unknown(deps: Dependencies, since: datetime, *, action_id: int) -> Iterator[int]:
    """Make the outcome of all live bookings unknown, one batch in each transaction; yield the size of each batch.

    `action_id` is the recorded action that counts the bookings.
    """
    after: int | None = 0
    while after is not None:
        with deps.engine.begin() as conn:
            count, after = restored.make_unknown(
                conn,
                since=since,
                settle_seconds=deps.timings.settle_unanswered,
                ends_seconds=deps.timings.ends_unanswered,
                after=after,
            )
            operator_actions.add_done(conn, action_id, count)
        yield count


def find_lost(calls: AuditCalls, since: datetime, *, progress: Progress, seen: set[str] | None = None) -> Restored:
    """Read all bookings that start after the backup, and store those without a row, to recognize new requests for them.

    With the key of one account, and for its requests. Its row that ended as not booked is confirmed if Cal.com has the
    booking. `seen` are the references that are lost of accounts before: they are not counted again, and more are added.

    Raises:
        AuditHalted: The list could not be read whole, or the breaker lets nothing through; nothing was stored.
    """
    deps, account = calls.deps, calls.account
    listing = read_listing(calls, {"afterStart": instant(since), "sortCreated": "asc"}, progress=progress)
    with deps.engine.begin() as conn:
        rows = list(bookings.by_references(conn, list(listing.places), account=account))
        others = bookings.of_other_accounts(conn, list(listing.places), account=account)
        _confirm_ended(conn, rows, listing)
    lost = dict(_lost(listing, {*(str(row.uuid) for row in rows), *others}, since))
    named = [booking for booking in lost.values() if booking is not None]
    with deps.engine.begin() as conn:
        taken = restored.keep(conn, named, since=since, absent_in=deps.timings.ends_unanswered, account=account)
    counted = lost.keys() - (seen or ())
    if seen is not None:
        seen.update(lost)
    return Restored(len(counted), taken, sum(lost[one] is None for one in counted))


def _confirm_ended(conn: Connection, rows: Iterable[Appointment], listing: Listing) -> None:
    """Confirm rows that ended as not booked and were booked after the backup: a retry would book them twice."""
    for row in rows:
        here = [place for place in listing.of(row) if not place.booking.cancelled and place.is_at(row)]
        if row.status in TOLD_NOT_BOOKED and len(here) == 1:  # two are a finding of the audit
            [place] = here
            record_late_uid(conn, row.id, place.there(row), why=_WHY, by="operator")


def _lost(listing: Listing, kept: set[str], since: datetime) -> Iterator[tuple[str, RestoredBooking | None]]:
    """Yield the references without a row, each with its live booking (the first week of a series).

    None: no attendee is shown.
    """
    for reference in listing.places.keys() - kept:
        live = [place.booking for place in listing.places[reference] if not place.booking.cancelled]
        if live:
            yield reference, _kept(reference, live, since)


def _kept(reference: str, weeks: list[Booking], since: datetime) -> RestoredBooking | None:
    starts = {booking.start: booking for booking in weeks if booking.start is not None}
    if not starts:
        return None
    start = min(starts)
    booking = starts[start]
    own = [one.email for one in booking.attendees if one.reference == reference]  # empty without seats
    anybody = [booking.booker, *(one.email for one in booking.attendees)]
    address = next((email for email in own or anybody if email is not None), None)
    if address is None:
        return None
    made = min(since, booking.created_at or since)  # an older booking may have got a seat after the backup
    return RestoredBooking(UUID(reference), booking.event_type_id, booking.event_type_slug, start, address, made)

"""What became of bookings after the backup from which a database was restored (docs/deploying.md).

What was on its way then is of unknown outcome, and is looked for before anything is posted. What was asked for later
has no row any more; if Cal.com has booked it, whoever asks for it again must get that booking and not a second one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.appointments import audit, restored
from db.appointments.restored import RestoredBooking
from db.monitoring import operator_actions
from tasks.audit.calls import AuditCalls
from tasks.audit.listing import Listing, Progress, read_listing
from tasks.calcom.booking import Booking
from tasks.calcom.request_body import instant
from tasks.dependencies import Dependencies


class RestoredCalls(AuditCalls):
    """Read what Cal.com has while no worker runs: nothing goes before it."""

    def _bookings_wait(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Restored:
    """Say what Cal.com has of lost rows: `found` so many, `asked_again` those of them whose request is here anew.

    `unnamed`: their attendee is hidden from this key, so that they cannot be known when they are asked for again.
    """

    found: int
    asked_again: int
    unnamed: int


def make_unknown(deps: Dependencies, since: datetime, *, action_id: int) -> Iterator[int]:
    """Make the outcome of all live bookings unknown, a batch a transaction; yield how many each was.

    `action_id` is the recorded action that counts them.
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


def find_lost(calls: AuditCalls, since: datetime, *, progress: Progress) -> Restored:
    """Read all that starts after the backup, and keep what no row has, for whoever asks for it again.

    Raises:
        AuditHalted: The list could not be read whole, or the breaker lets nothing through; nothing was kept.
    """
    deps = calls.deps
    listing = read_listing(calls, {"afterStart": instant(since), "sortCreated": "asc"}, progress=progress)
    with deps.engine.begin() as conn:
        kept = {str(row.uuid) for row in audit.by_references(conn, list(listing.places))}
        lost = list(_lost(listing, kept, since))
        named = [booking for booking in lost if booking is not None]
        taken = restored.keep(conn, named, since=since, absent_in=deps.timings.ends_unanswered)
    return Restored(len(lost), taken, len(lost) - len(named))


def _lost(listing: Listing, kept: set[str], since: datetime) -> Iterator[RestoredBooking | None]:
    """Yield what lives under references that no row has, of a series its first week; None where nobody is named."""
    for reference in listing.places.keys() - kept:
        live = [place.booking for place in listing.places[reference] if not place.booking.cancelled]
        if live:
            yield _kept(reference, live, since)


def _kept(reference: str, weeks: list[Booking], since: datetime) -> RestoredBooking | None:
    starts = {booking.start: booking for booking in weeks if booking.start is not None}
    if not starts:
        return None
    start = min(starts)
    booking = starts[start]
    own = [one.email for one in booking.attendees if one.reference == reference]  # seats have it at their attendees
    anybody = [booking.booker, *(one.email for one in booking.attendees)]
    address = next((email for email in own or anybody if email is not None), None)
    if address is None:
        return None
    made = min(since, booking.created_at or since)  # a further seat's booking is older than the backup
    return RestoredBooking(UUID(reference), booking.event_type_id, booking.event_type_slug, start, address, made)

"""Compare our bookings with Cal.com's list over a range of days, and mend what is safe (docs/audit.md)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from db import audit, events, visibility
from db.appointments import Appointment
from db.lifecycle import Status
from tasks.audit_calls import AuditCalls, AuditHalted
from tasks.audit_fix import BY, Fixed, fix
from tasks.audit_judge import Finding, Silence, judge, orphan
from tasks.audit_list import Listing, Place, Progress, between, read_listing
from tasks.calcom.bookings import Booking
from tasks.parts import Parts
from tasks.witness import is_of_a_team

_NOT_JUDGED: tuple[Silence, ...] = (Silence.UNDER_WAY, Silence.TOO_YOUNG, Silence.CANNOT_TELL)


@dataclass
class Survey:
    """Hold what an audit saw.

    `confirmed` counts our rows in the range, `listed` Cal.com's bookings there, `others` those among them that no
    request of ours made: they are not judged. `silent` has the ids of the rows that could not be judged, by why.
    """

    start: datetime
    end: datetime
    listing: Listing
    listed: int = 0
    others: int = 0
    confirmed: int = 0
    findings: list[Finding] = field(default_factory=list)
    silent: dict[Silence, list[int]] = field(default_factory=lambda: {why: [] for why in _NOT_JUDGED})

    @property
    def clean(self) -> bool:
        """Say whether everything agrees; a blind spot is not clean."""
        return not self.findings and not self.silent[Silence.CANNOT_TELL]

    def add(self, row: Appointment, verdict: Finding | Silence) -> None:
        """Take in a verdict."""
        if isinstance(verdict, Finding):
            self.findings.append(verdict)
        elif verdict in self.silent:
            self.silent[verdict].append(row.id)


def survey(
    calls: AuditCalls, start: datetime, end: datetime, *, progress: Progress = lambda _read, _all: None
) -> Survey:
    """Compare everything that starts from `start` until before `end`; changes nothing.

    Cal.com is read first and our rows after it, so that what is booked meanwhile is never missing here.

    Raises:
        AuditHalted: Cal.com's list could not be read whole.
    """
    parts = calls.parts
    with parts.engine.connect() as conn:
        began = audit.now(conn)
    seen = Survey(start, end, read_listing(calls, between(start, end), progress=progress))
    ours = _count(seen)
    young = began - timedelta(seconds=parts.terms.settle_unanswered)
    visible = _visibility(parts, seen.listing)
    with parts.engine.connect() as conn:
        for row in audit.confirmed_between(conn, start, end):
            seen.confirmed += 1
            ours.pop(str(row.uuid), None)
            seen.add(row, judge(row, seen.listing, settled=row.updated_at < young, visible=visible))
        for row in audit.by_references(conn, list(ours)):
            ours.pop(str(row.uuid))
            if row.status is not Status.CONFIRMED:  # else it was moved here from another day, where it is judged
                seen.add(row, judge(row, seen.listing, settled=True, visible=visible))
    seen.findings += [found for reference, places in ours.items() if (found := orphan(reference, places))]
    return seen


def mend(calls: AuditCalls, seen: Survey) -> Iterator[tuple[Finding, Fixed]]:
    """Do what is safe about each finding, one after the other, and say what became of it."""
    _complete_record(calls.parts, seen)
    for finding in seen.findings:
        if finding.fix is not None:
            try:
                yield finding, fix(calls, finding)
            except AuditHalted as halted:
                yield finding, Fixed(ok=False, said=str(halted))


def _count(seen: Survey) -> dict[str, list[Place]]:
    """Count what is listed in the range itself, and return our places in it by their reference."""

    def is_within(booking: Booking) -> bool:
        return booking.start is None or seen.start <= booking.start < seen.end

    within = {uid for uid, booking in seen.listing.bookings.items() if is_within(booking)}
    ours = {
        reference: places
        for reference, places in seen.listing.places.items()
        if any(place.uid in within for place in places)
    }
    seen.listed = len(within)
    seen.others = len(within - {place.uid for places in ours.values() for place in places})
    return ours


def _visibility(parts: Parts, listing: Listing) -> Callable[[Appointment], bool]:
    """Return whether this key is known to list bookings of a row's event type: just now, or ever."""
    known: dict[str, bool] = {}

    def visible(row: Appointment) -> bool:
        if listing.shows_type(row):
            return True
        if row.event_type not in known:
            with parts.engine.connect() as conn:
                listed = is_of_a_team(row) and visibility.ours(conn, listing.places, row)
                seen = listed or visibility.proven(conn, parts.calcom.key_fingerprint, row.event_type)
                known[row.event_type] = seen
        return known[row.event_type]

    return visible


def _complete_record(parts: Parts, seen: Survey) -> None:
    """Write down the end of cancellations that were begun and are done: their audit was killed, or not answered."""
    places = [place for some in seen.listing.places.values() for place in some]
    live = {(place.uid, place.seat_uid) for place in places if not place.booking.gone}
    with parts.engine.begin() as conn:
        for appointment_id, uid, seat in audit.open_intents(conn, seen.start, seen.end):
            booking = seen.listing.bookings.get(uid)
            if booking is not None and booking.moved_to is None and (uid, seat) not in live:
                detail = {"why": "found gone by a later audit", "uid": uid, "seat": seat}
                events.record(conn, appointment_id, audit.CANCELLED, BY, detail)

"""Compare our bookings with what Cal.com has over a range of days, and mend what is safe (docs/audit.md)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from db import appointments
from db.appointments import Appointment
from db.audits import bookings, doubles
from db.lifecycle import Status
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.audit.compare import judge, orphan
from tasks.audit.finding import AuditFinding, NoFinding
from tasks.audit.fixes import Fixed, fix
from tasks.audit.listing import BookedPlace, Listing, Progress, Question, between, read_listing
from tasks.audit.questions import verdict
from tasks.calcom.booking import Booking
from tasks.dependencies import Dependencies

_NOT_JUDGED: tuple[NoFinding, ...] = (NoFinding.UNDER_WAY, NoFinding.TOO_YOUNG, NoFinding.CANNOT_TELL)


@dataclass
class Survey:
    """Hold what an audit saw.

    `confirmed` counts our rows in the range, `judged` those of them that Cal.com's answers could be held against, and
    `asked` those that its list did not show, or not whole, so that it was asked for each. `listed` counts Cal.com's
    bookings in the range, `others` those among them that no request of ours made: they are not judged. `silent` has the
    ids of the rows that could not be judged, by why.
    """

    start: datetime
    end: datetime
    listing: Listing
    listed: int = 0
    others: int = 0
    confirmed: int = 0
    judged: int = 0
    asked: int = 0
    findings: list[AuditFinding] = field(default_factory=list)
    silent: dict[NoFinding, list[int]] = field(default_factory=lambda: {why: [] for why in _NOT_JUDGED})

    @property
    def clean(self) -> bool:
        """Say whether everything agrees; a blind spot is not clean."""
        return not self.findings and not self.silent[NoFinding.CANNOT_TELL]

    def add(self, row: Appointment, judged: AuditFinding | NoFinding) -> None:
        """Take in a verdict."""
        is_silent = not isinstance(judged, AuditFinding) and judged in self.silent
        if row.status is Status.CONFIRMED:
            self.confirmed += 1
            self.judged += not is_silent
        if isinstance(judged, AuditFinding):
            self.findings.append(judged)
        elif is_silent:
            self.silent[judged].append(row.id)


def survey(
    calls: AuditCalls,
    start: datetime,
    end: datetime,
    *,
    progress: Progress = lambda _read, _all: None,
    asking: Progress = lambda _asked, _all: None,
) -> Survey:
    """Compare everything that starts from `start` until before `end`; changes nothing.

    Cal.com is read first and our rows after it, so that what is booked meanwhile is never missing here. What the list
    does not show is asked for one by one.

    Raises:
        AuditHalted: Cal.com's list could not be read whole, or the breaker lets nothing through.
    """
    look = first_look(calls, start, end, progress=progress)
    seen = look.seen
    for number, row in enumerate(look.hidden, 1):  # with no connection kept: an audit may wait long for its turn
        seen.add(row, verdict(calls, row, seen.listing, settled=is_settled(row, look.began, calls.deps)))
        asking(number, len(look.hidden))
    seen.asked = sum(row.status is Status.CONFIRMED for row in look.hidden)
    seen.findings += look.orphans
    return seen


@dataclass(frozen=True, slots=True)
class FirstLook:
    """Hold what Cal.com's list alone tells: `hidden` are the rows of which more must be asked.

    `began` is the moment before it was read, `orphans` the findings of references that no row has.
    """

    seen: Survey
    began: datetime
    hidden: list[Appointment]
    orphans: list[AuditFinding]


def first_look(calls: AuditCalls, start: datetime, end: datetime, *, progress: Progress) -> FirstLook:
    """Read Cal.com's list, and judge what it shows whole.

    Raises:
        AuditHalted: It could not be read whole, or the breaker lets nothing through.
    """
    deps = calls.deps
    with deps.engine.connect() as conn:
        began = appointments.now(conn)
    seen = Survey(start, end, read_listing(calls, between(start, end), progress=progress))
    ours = _count(seen)
    hidden = []
    with deps.engine.connect() as conn:
        for row in _rows(conn, seen, ours):
            judged = judge(row, seen.listing, settled=is_settled(row, began, deps))
            if isinstance(judged, Question):
                hidden.append(row)
            else:
                seen.add(row, judged)
    orphans = [found for reference, places in ours.items() if (found := orphan(reference, places))]
    return FirstLook(seen, began, hidden, orphans)


def mend(calls: AuditCalls, seen: Survey) -> Iterator[tuple[AuditFinding, Fixed]]:
    """Do what is safe about each finding, one after the other, and say what became of it."""
    _complete_record(calls.deps, seen)
    for finding in seen.findings:
        if finding.fix is not None:
            try:
                yield finding, fix(calls, finding)
            except AuditHalted as halted:
                yield finding, Fixed(ok=False, message=str(halted))


def _rows(conn: Connection, seen: Survey, ours: dict[str, list[BookedPlace]]) -> Iterator[Appointment]:
    """Yield the rows to judge, each once, and take them out of `ours`.

    They are the confirmed ones of the range, those whose reference is listed there, and those that ended otherwise, or
    are held, after their outcome had once been unknown: Cal.com may have them where this key's list does not show it.
    """
    judged = set()
    for row in bookings.confirmed_between(conn, seen.start, seen.end):
        ours.pop(str(row.uuid), None)
        judged.add(row.id)
        yield row
    for row in bookings.by_references(conn, list(ours)):
        ours.pop(str(row.uuid))
        judged.add(row.id)
        if row.status is not Status.CONFIRMED:  # else it was moved here from another day, where it is judged
            yield row
    for rows in (bookings.ended_unknown_between, bookings.held_unknown_between):
        yield from (row for row in rows(conn, seen.start, seen.end) if row.id not in judged)


def is_settled(row: Appointment, began: datetime, deps: Dependencies) -> bool:
    """Say whether what Cal.com did not show when the audit began is not there: a replica lags, a series takes time."""
    young = began - timedelta(seconds=deps.timings.settle_unanswered)
    return row.updated_at < young and (row.ends_at is None or row.ends_at < began)


def _count(seen: Survey) -> dict[str, list[BookedPlace]]:
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


def _complete_record(deps: Dependencies, seen: Survey) -> None:
    """Write down the end of cancellations that were begun and are done: their audit was killed, or not answered."""
    places = [place for same_reference in seen.listing.places.values() for place in same_reference]
    live = {(place.uid, place.seat_uid) for place in places if not place.booking.cancelled}
    with deps.engine.begin() as conn:
        for appointment_id, uid, seat in doubles.open_intents(conn, seen.start, seen.end):
            booking = seen.listing.bookings.get(uid)
            if booking is not None and booking.moved_to is None and (uid, seat) not in live:
                why = "found gone by a later audit"
                doubles.end(conn, appointment_id, doubles.CANCELLED, uid=uid, seat_uid=seat, why=why)

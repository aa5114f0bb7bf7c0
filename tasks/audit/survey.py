"""Compare our bookings with Cal.com's: a range of days, or all rows whose outcome was once unknown (docs/audit.md)."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from db.appointments import Appointment
from db.appointments.there.late_answers import TOLD_NOT_BOOKED
from db.audits import bookings, doubles
from db.lifecycle import Status
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.audit.changes import judge_change, of_days
from tasks.audit.compare import judge, orphan
from tasks.audit.finding import AuditFinding, NoFinding
from tasks.audit.fixes import Fixed, fix
from tasks.audit.listing import BookedPlace, Listing, Progress, Question, between, read_listing
from tasks.audit.motion import is_settled, unless_in_motion
from tasks.audit.questions import verdict
from tasks.calcom.booking import Booking

_DAY = timedelta(days=1)
_NOT_JUDGED: tuple[NoFinding, ...] = (
    NoFinding.UNDER_WAY,
    NoFinding.CHANGING,
    NoFinding.TOO_YOUNG,
    NoFinding.CANNOT_TELL,
)


@dataclass
class Survey:
    """The result of an audit of a range of days: of the bookings that start in it, and of the changes that ended in it.

    `confirmed` counts our confirmed rows in the range; `judged` those of them that could be compared with Cal.com's
    answers; `asked` those that the list did not show whole, so that each was asked for. `listed` counts Cal.com's
    bookings in the range; `others` those of them that no request of ours made, which are not judged; `changes` our
    cancels and moves whose bookings were read. `silent` has the ids of the rows that could not be judged, by reason.
    """

    start: datetime
    end: datetime
    listing: Listing
    listed: int = 0
    others: int = 0
    confirmed: int = 0
    judged: int = 0
    asked: int = 0
    changes: int = 0
    findings: list[AuditFinding] = field(default_factory=list)
    silent: dict[NoFinding, list[int]] = field(default_factory=lambda: {why: [] for why in _NOT_JUDGED})

    @property
    def clean(self) -> bool:
        """Return whether all rows were judged and everything agrees."""
        return not self.findings and not self.silent[NoFinding.CANNOT_TELL]

    def has(self, row: Appointment) -> bool:
        """Return whether a row is confirmed on one of these days."""
        return row.status is Status.CONFIRMED and self.start <= row.present_start < self.end

    def add(self, row: Appointment, judged: AuditFinding | NoFinding) -> None:
        """Add the verdict on a row."""
        is_silent = not isinstance(judged, AuditFinding) and judged in self.silent
        if self.has(row):
            self.confirmed += 1
            self.judged += not is_silent
        if isinstance(judged, AuditFinding):
            self.findings.append(judged)
        elif is_silent:
            self.silent[judged].append(row.id)

    def add_change(self, row: Appointment | None, judged: AuditFinding | NoFinding) -> None:
        """Add what a change of a row has left at Cal.com, unless the row is named already."""
        self.changes += 1
        known = [one.row.id for one in self.findings if one.row is not None]
        if row is None or row.id in known:
            return
        if isinstance(judged, AuditFinding):
            self.findings.append(judged)
        elif judged is NoFinding.CANNOT_TELL and row.id not in self.silent[judged]:
            self.silent[judged].append(row.id)


def survey(
    calls: AuditCalls,
    start: datetime,
    end: datetime,
    *,
    progress: Progress = lambda _read, _all: None,
    asking: Progress = lambda _asked, _all: None,
) -> Survey:
    """Compare all bookings of an account that start at or after `start` and before `end`; change nothing.

    Cal.com is read first and our rows after it, so that a booking made meanwhile is never missing here. Bookings that
    the list does not show are asked for one by one.

    Raises:
        AuditHalted: Cal.com's list could not be read whole, or the breaker lets nothing through.
    """
    look = first_look(calls, start, end, progress=progress)
    ended = of_days(calls.deps, start, end, account=calls.account)
    seen, questions = look.seen, len(look.hidden) + len(ended)
    for number, row in enumerate(look.hidden, 1):  # without an open connection: an audit may wait long for its turn
        seen.add(row, verdict(calls, row, seen.listing, settled=is_settled(row, seen.listing.began, calls.deps)))
        asking(number, questions)
    seen.asked = sum(map(seen.has, look.hidden))
    for number, change in enumerate(ended, len(look.hidden) + 1):
        seen.add_change(*judge_change(calls, change))
        asking(number, questions)
    seen.findings += look.orphans
    return seen


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The result of Cal.com's list alone; Cal.com must be asked more about the rows in `hidden`.

    `orphans` are the findings of references that no row has.
    """

    seen: Survey
    hidden: list[Appointment]
    orphans: list[AuditFinding]


def first_look(calls: AuditCalls, start: datetime, end: datetime, *, progress: Progress) -> FirstLook:
    """Read Cal.com's list, and judge the rows that it shows whole.

    Raises:
        AuditHalted: The list could not be read whole, or the breaker lets nothing through.
    """
    deps = calls.deps
    seen = Survey(start, end, read_listing(calls, between(start, end), progress=progress))
    ours = _count(seen)
    hidden = []
    with deps.engine.connect() as conn:
        for row in _rows_of_range(conn, seen, ours, calls.account):
            judged = judge(row, seen.listing, settled=is_settled(row, seen.listing.began, deps))
            if isinstance(judged, Question):
                hidden.append(row)
            else:
                seen.add(row, unless_in_motion(conn, judged, seen.listing.began, deps))
    orphans = [found for reference, places in ours.items() if (found := orphan(reference, places))]
    return FirstLook(seen, hidden, orphans)


def mend(calls: AuditCalls, seen: Survey) -> Iterator[tuple[AuditFinding, Fixed]]:
    """Fix each finding that has a fix, one after the other; yield each with its result."""
    _complete_doubles(calls, seen)
    for finding in seen.findings:
        if finding.fix is not None:
            try:
                yield finding, fix(calls, finding)
            except AuditHalted as halted:
                yield finding, Fixed(ok=False, message=str(halted))


def once_unknown(calls: AuditCalls, *, progress: Progress) -> Iterator[tuple[Appointment, AuditFinding]]:
    """Yield an account's rejected, failed and expired rows that Cal.com has booked, by start, each with its finding.

    Nothing is changed. The list of a day is read once for all its rows; a booking that the list does not show is asked
    for by the row's uid, if the row has one.

    Raises:
        AuditHalted: A list could not be read whole, or the breaker lets nothing through.
    """
    days = _days(calls)
    everything, done = sum(map(len, days.values())), 0
    for day, references in days.items():
        progress(done, everything)
        listing = read_listing(calls, between(day, day + _DAY))
        for row in _rows(calls, references):  # read after the list: a row that was confirmed meanwhile is no finding
            judged = verdict(calls, row, listing, settled=True) if row.status in TOLD_NOT_BOOKED else None
            if isinstance(judged, AuditFinding):
                yield row, judged
        done += len(references)
    progress(done, everything)


def _rows_of_range(
    conn: Connection, seen: Survey, ours: dict[str, list[BookedPlace]], account: int
) -> Iterator[Appointment]:
    """Yield an account's rows to judge, each once, and take them and the rows of other accounts out of `ours`.

    They are: the confirmed rows of the range; the rows whose reference is listed in it (of the confirmed ones of other
    days those that are listed under another uid); and the rows, held or ended as not booked, whose outcome was once
    unknown: perhaps Cal.com has booked them, and this key's list does not show that.
    """
    judged = set()
    for row in bookings.confirmed_between(conn, seen.start, seen.end, account=account):
        ours.pop(str(row.uuid), None)
        judged.add(row.id)
        yield row
    for row in bookings.by_references(conn, list(ours), account=account):
        ours.pop(str(row.uuid))
        judged.add(row.id)
        if row.status is not Status.CONFIRMED or _is_listed_elsewhere(row, seen.listing):
            yield row
    for reference in bookings.of_other_accounts(conn, list(ours), account=account):
        ours.pop(reference)  # two accounts may sit in one seated booking
    for rows in (bookings.ended_unknown_between, bookings.held_unknown_between):
        yield from (row for row in rows(conn, seen.start, seen.end, account=account) if row.id not in judged)


def _is_listed_elsewhere(row: Appointment, listing: Listing) -> bool:
    """Return whether a confirmed row lives there under another uid: a person has moved it here, or it lives twice.

    The weeks of a series have one reference and a uid each.
    """
    others = (place for place in listing.of(row) if place.uid != row.calcom_booking_uid and not place.booking.cancelled)
    return row.series_uid is None and any(place.series is None for place in others)


def _count(seen: Survey) -> dict[str, list[BookedPlace]]:
    """Count what is listed in the range itself, and return our bookings and seats in it by their reference."""

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


def _complete_doubles(calls: AuditCalls, seen: Survey) -> None:
    """Record the end of cancellations that took effect though their audit was killed or got no answer."""
    places = [place for same_reference in seen.listing.places.values() for place in same_reference]
    live = {(place.uid, place.seat_uid) for place in places if not place.booking.cancelled}
    with calls.deps.engine.begin() as conn:
        for appointment_id, uid, seat in doubles.open_intents(conn, seen.start, seen.end, account=calls.account):
            booking = seen.listing.bookings.get(uid)
            if booking is not None and booking.moved_to is None and (uid, seat) not in live:
                why = "a later audit found that it is gone"
                doubles.end(conn, appointment_id, doubles.CANCELLED, uid=uid, seat_uid=seat, why=why)


def _days(calls: AuditCalls) -> dict[datetime, list[str]]:
    """Return the references of the rows that were once unknown, by the day, UTC, of their start."""
    days: defaultdict[datetime, list[str]] = defaultdict(list)
    with calls.deps.engine.connect() as conn:
        for row in bookings.once_unknown(conn, account=calls.account):
            day = row.start_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            days[day].append(str(row.uuid))
    return days


def _rows(calls: AuditCalls, references: Collection[str]) -> list[Appointment]:
    with calls.deps.engine.connect() as conn:  # it is closed before Cal.com is asked: an audit may wait long
        rows = bookings.by_references(conn, references, account=calls.account)
        return sorted(rows, key=lambda row: (row.start_at, row.id))

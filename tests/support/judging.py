"""What an audit is given to judge: bookings as Cal.com lists them, and what it was asked beside."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from db.appointments.appointment import Appointment
from db.lifecycle import Status
from tasks.audit.compare import judge
from tasks.audit.finding import AuditFinding, AuditFindingKind, Fix, NoFinding
from tasks.audit.listing import About, Answered, Listing, Question
from tasks.calcom.booking import read_booking
from tasks.calcom.request_body import REFERENCE

OURS, THEIRS = "00000000-0000-0000-0000-000000000007", "00000000-0000-0000-0000-000000000008"
NOW = datetime(2030, 3, 1, tzinfo=UTC)
BY_UID, BY_SEAT = Question(About.BOOKING, "own"), Question(About.SEAT, "s1")
BY_ADDRESS = Question(About.ATTENDEE, "ann@example.com")
SERIES, TYPE = Question(About.BOOKING, "series"), Question(About.EVENT_TYPE, "101")
NOWHERE = {BY_UID: Answered.NOWHERE}


def booking(uid: str = "own", reference: str | None = OURS, **changes: Any) -> dict[str, Any]:
    """Return a booking as Cal.com lists it: by default ours."""
    return {
        "uid": uid,
        "status": "accepted",
        "start": "2030-03-01T09:00:00.000Z",
        "eventTypeId": 101,
        "eventType": {"id": 101, "slug": "plain"},
        "hosts": [{"username": "clinic"}],
        "metadata": {REFERENCE: reference} if reference else {},
        "attendees": [{"email": "ann@example.com"}],
    } | changes


def seated(uid: str = "own", **seats: str) -> dict[str, Any]:
    """Return a seated booking; `seats` maps a seat's uid to the reference that it carries."""
    attendees = [{"seatUid": seat, "metadata": {REFERENCE: mark}} for seat, mark in seats.items()]
    entry = booking(uid, attendees=attendees)
    del entry["metadata"]
    return entry


def series(weeks: int, uid: str = "series", **changes: Any) -> list[dict[str, Any]]:
    """Return the weeks of a series of ours; the first is the row's own."""
    return [
        booking(
            "own" if week == 0 else f"{uid}-{week}",
            start=f"2030-03-{1 + 7 * week:02}T09:00:00.000Z",
            recurringBookingUid=uid,
            **changes,
        )
        for week in range(weeks)
    ]


def listing(*entries: dict[str, Any]) -> Listing:
    """Read a list."""
    listed = Listing(NOW)
    for entry in entries:
        one = read_booking(entry)
        assert one is not None
        listed.add(one)
    return listed


def judged(
    make: Callable[..., Appointment],
    *entries: dict[str, Any],
    settled: bool = True,
    answers: dict[Question, Answered] | None = None,
    occurrences: int | None = None,
    **changes: Any,
) -> AuditFinding | NoFinding | Question:
    """Judge a row that is confirmed with the uid "own", but for what is given, against what Cal.com answered.

    `answers` is what it was asked beside its list, `occurrences` the weeks that event type 101 makes.
    """
    row = make(**{"status": Status.CONFIRMED, "calcom_booking_uid": "own", **changes})
    listed = listing(*entries)
    listed.answers |= {TYPE: Answered.FOUND} | (answers or {})
    listed.occurrences["101"] = occurrences
    return judge(row, listed, settled=settled)


def found(verdict: AuditFinding | NoFinding | Question) -> tuple[AuditFindingKind, Fix | None, list[str]]:
    """Return the kind of a finding, its fix, and the names of what may be cancelled; fails for other text."""
    assert isinstance(verdict, AuditFinding)
    return verdict.kind, verdict.fix, [place.name for place in verdict.doubles]

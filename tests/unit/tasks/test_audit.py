"""What an audit thinks of a booking that Cal.com lists."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from db.appointments.appointment import Appointment
from tasks.audit.compare import orphan
from tasks.audit.finding import AuditFinding, AuditFindingKind, Fix, NoFinding
from tasks.audit.listing import Question
from tasks.calcom.request_body import REFERENCE
from tests.support.judging import OURS, THEIRS, booking, found, judged, listing, seated

Judge = Callable[..., AuditFinding | NoFinding | Question]


@pytest.fixture
def verdict(row: Callable[..., Appointment]) -> Judge:
    """Judge a row that is confirmed with the uid "own", but for what is given."""
    return partial(judged, row)


def test_a_second_booking_at_the_same_start_is_the_double(verdict: Judge) -> None:
    """Whatever their order; one that is over is none."""
    for entries in ([booking(), booking("two")], [booking("two"), booking()]):
        result = verdict(*entries, booking("over", status="cancelled"))
        assert found(result) == (AuditFindingKind.TWICE, Fix.CANCEL_DOUBLE, ["two"])


@pytest.mark.parametrize(
    "other",
    [
        booking("two", start="2030-03-01T09:30:00Z"),
        booking("two", eventTypeId=102, eventType={"id": 102, "slug": "other"}),
        booking("two", attendees=[{"seatUid": "s", "metadata": {REFERENCE: THEIRS}}]),
        booking("two", attendees=[{"seatUid": "not a\nuid", "metadata": {REFERENCE: OURS}}]),
    ],
    ids=["another time", "another type", "others in it", "a seat without a uid"],
)
def test_what_is_not_proven_is_not_cancelled(verdict: Judge, other: dict[str, Any]) -> None:
    """Said all the same."""
    assert found(verdict(booking(), other)) == (AuditFindingKind.TWICE, None, [])


def test_a_double_that_the_host_has_accepted_is_not_cancelled(verdict: Judge) -> None:
    """While its own is still waiting for him: the customer would be left with nothing."""
    assert found(verdict(booking(status="pending"), booking("two"))) == (AuditFindingKind.TWICE, None, [])
    for both in ("pending", "accepted"):
        result = verdict(booking(status=both), booking("two", status="pending"))
        assert found(result) == (AuditFindingKind.TWICE, Fix.CANCEL_DOUBLE, ["two"])


def test_of_two_seats_the_row_knows_its_own(verdict: Judge) -> None:
    """The other one is named by booking and seat; without a seat in the row nobody can say which it is."""
    entry = seated(s1=OURS, s2=THEIRS, s3=OURS)
    assert found(verdict(entry, calcom_seat_uid="s3")) == (AuditFindingKind.TWICE, Fix.CANCEL_DOUBLE, ["own, seat s1"])
    assert found(verdict(entry)) == (AuditFindingKind.TWICE, None, [])


def test_a_seat_among_others_agrees(verdict: Judge) -> None:
    """In its booking; moved to another one it is followed there."""
    assert verdict(seated(s1=OURS, s2=THEIRS), calcom_seat_uid="s1") is NoFinding.AGREES
    elsewhere = verdict(seated("another", s1=OURS), seated(s2=THEIRS), calcom_seat_uid="s1")
    assert found(elsewhere) == (AuditFindingKind.MOVED, Fix.FOLLOW, [])


def test_another_requests_booking_is_not_ours(verdict: Judge) -> None:
    """The row names it, and it carries another reference: nobody has booked for this row."""
    assert found(verdict(booking(reference=THEIRS))) == (AuditFindingKind.ABSENT, None, [])
    assert found(verdict(seated(s2=THEIRS))) == (AuditFindingKind.ABSENT, None, [])
    assert verdict(booking(reference=None)) is NoFinding.AGREES, "somebody may have taken the reference out"


def test_a_booking_that_moved_within_the_list_is_followed(verdict: Judge) -> None:
    """Wherever it is now, its successor carries our reference."""
    there = booking(status="cancelled", rescheduledToUid="two")
    assert found(verdict(there, booking("two", start="2030-03-05T09:00:00Z"))) == (
        AuditFindingKind.MOVED,
        Fix.FOLLOW,
        [],
    )
    assert found(verdict(there, booking("two", status="cancelled"))) == (
        AuditFindingKind.CANCELLED,
        Fix.CANCEL_HERE,
        [],
    )


def test_moves_in_a_circle_are_not_followed_for_ever(verdict: Judge) -> None:
    """A hostile list must not keep us."""
    there = booking(status="cancelled", rescheduledToUid="two")
    back = booking("two", status="cancelled", rescheduledToUid="own")
    assert verdict(there, back) is NoFinding.CANNOT_TELL


def test_a_list_may_show_a_booking_twice(verdict: Judge) -> None:
    """A page that shifted must not make a double of it."""
    assert verdict(booking(), booking()) is NoFinding.AGREES


@pytest.mark.parametrize("mark", ["nonsense", "", OURS.replace("-", ""), OURS.replace("7", "A"), 7, None])
def test_only_a_reference_as_we_write_it_is_ours(mark: object) -> None:
    """Anybody may use our word in metadata."""
    assert not listing(booking(metadata={REFERENCE: mark})).places


def test_an_orphan_that_is_over_is_no_finding() -> None:
    """What lives under a reference that nobody here has is said."""
    places = listing(booking(status="cancelled")).places[OURS]
    assert orphan(OURS, places) is None
    assert orphan(OURS, listing(booking()).places[OURS]) is not None

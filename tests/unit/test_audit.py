"""What an audit thinks of a booking, and what an answer to a cancellation means."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from db.appointment import Appointment
from db.lifecycle import Status
from tasks.audit_judge import Finding, Fix, Kind, Silence, judge, orphan
from tasks.audit_list import Listing
from tasks.calcom.answer import Answer, NoAnswer
from tasks.calcom.body import REFERENCE
from tasks.calcom.bookings import read_booking
from tasks.calcom.cancel import cancel_body, read_cancel, wants_reason
from tasks.calcom.meaning import Meaning, Verdict

Make = Callable[..., Appointment]
OURS, THEIRS = "00000000-0000-0000-0000-000000000007", "00000000-0000-0000-0000-000000000008"
NOW = datetime(2030, 3, 1, tzinfo=UTC)


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


def listing(*entries: dict[str, Any]) -> Listing:
    """Read a list."""
    listed = Listing()
    for entry in entries:
        one = read_booking(entry)
        assert one is not None
        listed.add(one, entry)
    return listed


@pytest.fixture
def verdict(row: Make) -> Callable[..., Finding | Silence]:
    """Judge a row that is confirmed with the uid "own", but for what is given, against what Cal.com lists."""

    def give(*entries: dict[str, Any], settled: bool = True, **changes: Any) -> Finding | Silence:
        kept = row(**{"status": Status.CONFIRMED, "calcom_booking_uid": "own", **changes})
        listed = listing(*entries)
        return judge(kept, listed, settled=settled, visible=listed.shows_type)

    return give


Judge = Callable[..., Finding | Silence]


def proven(found: Finding | Silence) -> list[str | None]:
    """Return the names of what may be cancelled."""
    return [place.name for place in found.doubles] if isinstance(found, Finding) else []


def test_a_second_booking_at_the_same_start_is_the_double(verdict: Judge) -> None:
    """Whatever their order; one that is over is none."""
    for entries in ([booking(), booking("two")], [booking("two"), booking()]):
        found = verdict(*entries, booking("over", status="cancelled"))
        assert isinstance(found, Finding)
        assert (found.kind, found.fix, proven(found)) == (Kind.TWICE, Fix.CANCEL_DOUBLE, ["two"])


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
    found = verdict(booking(), other)
    assert isinstance(found, Finding)
    assert (found.kind, found.fix, proven(found)) == (Kind.TWICE, None, [])


def test_a_double_that_the_host_has_accepted_is_not_cancelled(verdict: Judge) -> None:
    """While its own is still waiting for him: the customer would be left with nothing."""
    found = verdict(booking(status="pending"), booking("two"))
    assert isinstance(found, Finding)
    assert (found.kind, found.fix, proven(found)) == (Kind.TWICE, None, [])
    for both in ("pending", "accepted"):
        assert proven(verdict(booking(status=both), booking("two", status="pending"))) == ["two"]


def test_the_other_weeks_of_a_doubled_series_stay_a_finding(verdict: Judge) -> None:
    """Its first week alone was cancelled; its own later weeks are none."""
    own = booking(recurringBookingUid="one"), booking("own2", start="2030-03-08T09:00:00Z", recurringBookingUid="one")
    assert verdict(*own) is Silence.AGREES
    found = verdict(*own, booking("two", start="2030-03-08T09:00:00Z", recurringBookingUid="another"))
    assert isinstance(found, Finding)
    assert (found.kind, found.fix) == (Kind.TWICE, None)


def test_of_two_seats_the_row_knows_its_own(verdict: Judge) -> None:
    """The other one is named by booking and seat; without a seat in the row nobody can say which it is."""
    entry = seated(s1=OURS, s2=THEIRS, s3=OURS)
    assert proven(verdict(entry, calcom_seat_uid="s3")) == ["own, seat s1"]
    unclear = verdict(entry)
    assert isinstance(unclear, Finding)
    assert (unclear.kind, unclear.fix) == (Kind.TWICE, None)


def test_a_seat_among_others_agrees_and_one_that_is_missing_does_not(verdict: Judge) -> None:
    """Where no attendee is shown, nothing can be seen missing."""
    assert verdict(seated(s1=OURS, s2=THEIRS), calcom_seat_uid="s1") is Silence.AGREES
    gone = verdict(seated(s2=THEIRS), calcom_seat_uid="s1")
    assert isinstance(gone, Finding)
    assert (gone.kind, gone.fix, "its seat is no longer in the booking" in gone.said) == (Kind.ABSENT, None, True)
    assert verdict(seated(), calcom_seat_uid="s1") is Silence.AGREES


def test_moves_are_followed_in_circles_too(verdict: Judge) -> None:
    """A hostile list must not keep us."""
    there = booking(status="cancelled", rescheduledToUid="two")
    back = booking("two", status="cancelled", rescheduledToUid="own")
    assert isinstance(verdict(there, back), Finding)
    assert verdict(there) is Silence.AGREES
    assert verdict(there, booking("two", start="2030-03-05T09:00:00Z")) is Silence.AGREES


def test_a_row_that_has_the_uid_of_the_successor_agrees(verdict: Judge) -> None:
    """A look that found it moved wrote that uid down; the successor may be on another day."""
    moved = booking("old", status="cancelled", rescheduledToUid="own")
    assert verdict(moved) is Silence.AGREES


def test_a_double_at_the_old_time_of_a_moved_booking_is_left(verdict: Judge) -> None:
    """Whether the moved one still lives cannot be seen from here."""
    found = verdict(booking(status="cancelled", rescheduledToUid="far"), booking("two"))
    assert isinstance(found, Finding)
    assert (found.kind, found.fix) == (Kind.TWICE, None)


def test_a_cancelled_first_of_a_living_series_is_left(verdict: Judge) -> None:
    """The customer keeps the other weeks."""
    later = booking("two", start="2030-03-08T09:00:00Z", recurringBookingUid="series")
    found = verdict(booking(status="cancelled", recurringBookingUid="series"), later)
    assert isinstance(found, Finding)
    assert (found.kind, found.fix) == (Kind.CANCELLED, None)


def test_another_uid_than_the_rows_is_said(verdict: Judge) -> None:
    """Confirmed with a booking that is not listed, while another one is."""
    found = verdict(booking("two"))
    assert isinstance(found, Finding)
    assert (found.kind, found.fix) == (Kind.NOT_HERE, None)


def test_absence_needs_time_and_sight(verdict: Judge) -> None:
    """Another booking of the type proves sight; one of another type does not."""
    assert verdict() is Silence.CANNOT_TELL
    assert verdict(booking("other", None, eventTypeId=102, eventType={})) is Silence.CANNOT_TELL
    assert verdict(booking("other", None), settled=False) is Silence.TOO_YOUNG
    assert isinstance(verdict(booking("other", None)), Finding)


@pytest.mark.parametrize(("username", "seen"), [("clinic", True), ("another", False), (None, False)])
def test_a_slug_is_its_owners(verdict: Judge, username: str | None, seen: bool) -> None:  # noqa: FBT001 - a column
    """Two hosts may have a type of one name; which team's a booking is of, the list does not say."""
    named = {"event_type_id": None, "event_type_slug": "plain", "username": username, "team_slug": "team"}
    assert isinstance(verdict(booking("other", None), **named), Finding) is seen


def test_a_list_may_show_a_booking_twice(verdict: Judge) -> None:
    """A page that shifted must not make a double of it."""
    assert verdict(booking(), booking()) is Silence.AGREES


@pytest.mark.parametrize("mark", ["nonsense", "", OURS.replace("-", ""), OURS.replace("7", "A"), 7, None])
def test_only_a_reference_as_we_write_it_is_ours(mark: object) -> None:
    """Anybody may use our word in metadata."""
    assert not listing(booking(metadata={REFERENCE: mark})).places


def test_an_orphan_that_is_over_is_no_finding() -> None:
    """What lives under a reference that nobody here has is said."""
    places = listing(booking(status="cancelled")).places[OURS]
    assert orphan(OURS, places) is None
    assert orphan(OURS, listing(booking()).places[OURS]) is not None


def answer(status: int, content: Any) -> Answer:
    """Return an answer with JSON."""
    return Answer(status, {}, json.dumps(content).encode(), 0.1)


def error(message: str) -> dict[str, Any]:
    """Return an error in Cal.com's shape A."""
    return {"status": "error", "error": {"code": "BadRequestException", "message": message}}


AGAIN = "Can't cancel booking with uid=own because it has been cancelled already. Please provide uid of a booking ..."
NO_SEAT = "Invalid seatUid: this seat does not exist or has already been cancelled."


@pytest.mark.parametrize(
    ("given", "seat"),
    [
        (answer(200, {"status": "success", "data": booking(status="cancelled")}), None),
        (answer(200, {"status": "success", "data": seated(s2=THEIRS)}), "s1"),
        (answer(200, {"status": "success", "data": booking(status="cancelled")}), "s1"),
        (answer(400, error(AGAIN)), None),
        (answer(400, error(NO_SEAT)), "s1"),
    ],
)
def test_what_is_gone_is_cancelled_now_or_before(given: Answer, seat: str | None) -> None:
    """Both are the same to us."""
    assert read_cancel(given, seat_uid=seat, now=NOW) is None


@pytest.mark.parametrize(
    ("given", "seat", "meaning", "verdict"),
    [
        (answer(200, {"status": "success", "data": booking()}), None, Meaning.UNKNOWN, Verdict.FAILURE_ENDPOINT),
        (answer(200, {"data": seated(s1=OURS, s2=OURS)}), "s1", Meaning.UNKNOWN, Verdict.FAILURE_ENDPOINT),
        (answer(200, ["rubbish"]), None, Meaning.UNKNOWN, Verdict.FAILURE_ENDPOINT),
        (answer(400, {"statusCode": 400, "message": "no"}), None, Meaning.REFUSED, Verdict.SUCCESS),
        (answer(404, error("Booking with uid=own not found")), None, Meaning.REFUSED, Verdict.SUCCESS),
        (answer(400, error("Invalid seatUid: this seat does not belong")), "s1", Meaning.REFUSED, Verdict.SUCCESS),
        (answer(502, None), None, Meaning.UNKNOWN, Verdict.FAILURE_SERVICE),
        (NoAnswer(sent=True, error_type="timeout", message="", elapsed=1), None, Meaning.UNKNOWN, None),
        (NoAnswer(sent=False, error_type="lease_lost", message="", elapsed=1), None, Meaning.NOT_SENT, Verdict.IGNORED),
    ],
)
def test_anything_else_says_why_it_may_still_be_there(
    given: Answer | NoAnswer, seat: str | None, meaning: Meaning, verdict: Verdict | None
) -> None:
    """A 200 that does not show the end is no proof of it."""
    reply = read_cancel(given, seat_uid=seat, now=NOW)
    assert reply is not None
    assert (reply.meaning, verdict or reply.verdict) == (meaning, reply.verdict)


def test_a_seat_gives_its_reason_only_when_asked() -> None:
    """Some versions refuse it beside a seat, some demand it; a whole booking always has it."""
    asked = read_cancel(
        answer(400, {"statusCode": 400, "message": "Cancellation reason is required"}), seat_uid="s", now=NOW
    )
    assert wants_reason(asked)
    assert not wants_reason(read_cancel(answer(404, error("not found")), seat_uid="s", now=NOW))
    assert cancel_body("s", None) == {"seatUid": "s"}
    assert cancel_body("s", "why") == {"seatUid": "s", "cancellationReason": "why"}
    assert cancel_body(None, "why") == {"cancellationReason": "why"}

"""What a list does not show is no evidence: an audit asks for it by its uid before it says that it is not there."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from db.appointments.appointment import Appointment
from db.lifecycle import HoldReason, Status
from tasks.audit.finding import AuditFinding, AuditFindingKind, Fix, NoFinding
from tasks.audit.listing import About, Answered, Question
from tests.support.judging import (
    BY_ADDRESS,
    BY_SEAT,
    BY_UID,
    NOW,
    NOWHERE,
    OURS,
    SERIES,
    THEIRS,
    TYPE,
    booking,
    found,
    judged,
    seated,
    series,
)

Judge = Callable[..., AuditFinding | NoFinding | Question]
REJECTED = {"status": Status.REJECTED, "calcom_booking_uid": None, "sent_at": NOW}
ADDRESS = "ann@example.com"


@pytest.fixture
def verdict(row: Callable[..., Appointment]) -> Judge:
    """Judge a row that is confirmed with the uid "own", but for what is given."""
    return partial(judged, row)


def test_what_is_not_listed_is_asked_for(verdict: Judge) -> None:
    """Others of its type prove nothing: a key of one of several hosts sees only its own."""
    assert verdict() == verdict(booking("other", None)) == BY_UID


def test_absence_needs_its_answer_and_time(verdict: Judge) -> None:
    """A replica that lags says the very same of what has just been booked."""
    assert verdict(answers=NOWHERE, settled=False) is NoFinding.TOO_YOUNG
    assert found(verdict(answers=NOWHERE)) == (AuditFindingKind.ABSENT, None, [])


def test_no_answer_is_no_absence(verdict: Judge) -> None:
    """It is said that nobody can tell."""
    assert verdict(answers={BY_UID: Answered.UNREADABLE}) is NoFinding.CANNOT_TELL


def test_a_seat_is_asked_for_before_its_booking(verdict: Judge) -> None:
    """To a key that may not see attendees its booking shows none: only the seat's own answer names it."""
    gone = {BY_SEAT: Answered.NOWHERE}
    assert verdict(calcom_seat_uid="s1") == BY_SEAT
    assert verdict(answers=gone, calcom_seat_uid="s1") == BY_UID
    assert found(verdict(answers=gone | NOWHERE, calcom_seat_uid="s1")) == (AuditFindingKind.ABSENT, None, [])
    over = seated()
    over["status"] = "cancelled"
    assert verdict(over, answers=gone, calcom_seat_uid="s1") == BY_ADDRESS
    gone |= {BY_ADDRESS: Answered.FOUND}
    assert found(verdict(over, answers=gone, calcom_seat_uid="s1")) == (AuditFindingKind.CANCELLED, Fix.CANCEL_HERE, [])
    hidden = gone | {BY_UID: Answered.FOUND}
    assert found(verdict(over, answers=hidden, calcom_seat_uid="s1")) == (AuditFindingKind.CANCELLED, None, [])


def test_a_seat_that_a_person_has_moved_is_not_called_cancelled(verdict: Judge) -> None:
    """It has a new uid; while nobody can tell whether there is one, nothing is cancelled here."""
    over, gone = seated() | {"status": "cancelled"}, {BY_SEAT: Answered.NOWHERE}
    new = seated("new", s9=OURS) | {"start": "2030-05-01T09:00:00Z"}
    assert found(verdict(over, new, answers=gone, calcom_seat_uid="s1")) == (AuditFindingKind.MOVED, Fix.FOLLOW, [])
    unread = gone | {BY_ADDRESS: Answered.UNREADABLE}
    assert verdict(over, answers=unread, calcom_seat_uid="s1") is NoFinding.CANNOT_TELL
    joined = {BY_SEAT: Answered.FOUND}
    assert verdict(over, calcom_seat_uid="s1") == BY_SEAT, "it may have joined a booking that is not listed"
    assert found(verdict(over, seated("new", s1=OURS), answers=joined, calcom_seat_uid="s1"))[0] is (
        AuditFindingKind.MOVED
    )


@pytest.mark.parametrize("shown", [seated(s2=THEIRS), seated()], ids=["others' seats", "no attendees"])
def test_a_seat_that_its_booking_does_not_show_is_asked_for(verdict: Judge, shown: dict[str, Any]) -> None:
    """Only Cal.com's own word on that seat says that it is gone."""
    asked = {BY_ADDRESS: Answered.FOUND}
    result = [verdict(shown, answers={BY_SEAT: one, **asked}, calcom_seat_uid="s1") for one in Answered]
    assert verdict(shown, calcom_seat_uid="s1") == BY_SEAT
    assert result[:1] + result[2:] == [NoFinding.AGREES, NoFinding.CANNOT_TELL]
    assert found(result[1]) == (AuditFindingKind.ABSENT, None, [])


def test_a_successor_on_another_day_is_asked_for(verdict: Judge) -> None:
    """Moved there and then cancelled is cancelled; so is the row that names the successor asked for."""
    there = booking(status="cancelled", rescheduledToUid="far")
    far = Question(About.BOOKING, "far")
    assert verdict(there) == far
    assert found(verdict(there, booking("far", start="2030-05-01T09:00:00Z"), answers={far: Answered.FOUND})) == (
        AuditFindingKind.MOVED,
        Fix.FOLLOW,
        [],
    )
    assert found(verdict(there, booking("far", status="cancelled"))) == (
        AuditFindingKind.CANCELLED,
        Fix.CANCEL_HERE,
        [],
    )
    assert verdict(booking("old", status="cancelled", rescheduledToUid="own")) == BY_UID


def test_a_double_at_the_old_time_of_a_moved_booking_is_left(verdict: Judge) -> None:
    """Both live, and the row's own is at another time: which one counts is for a person to say."""
    moved = booking(status="cancelled", rescheduledToUid="far"), booking("far", start="2030-05-01T09:00:00Z")
    assert found(verdict(*moved, booking("two"))) == (AuditFindingKind.TWICE, None, [])


def test_another_uid_than_the_rows_is_said(verdict: Judge) -> None:
    """Confirmed with a booking that Cal.com does not know, while it has another one."""
    assert verdict(booking("two")) == BY_UID
    assert found(verdict(booking("two"), answers=NOWHERE)) == (AuditFindingKind.NOT_HERE, None, [])


def test_a_double_beside_a_hidden_booking_is_found(verdict: Judge) -> None:
    """Two hosts, one request: the list of one of them shows only the double."""
    assert found(verdict(booking("two"), booking())) == (AuditFindingKind.TWICE, Fix.CANCEL_DOUBLE, ["two"])


class TestSeries:
    """All weeks that its event type makes must have been made; what people do with them afterwards is theirs."""

    def test_a_whole_one_agrees(self, verdict: Judge) -> None:
        """Without a further question when the range shows all of it."""
        assert verdict(*series(4), occurrences=4) is NoFinding.AGREES

    def test_weeks_beyond_the_range_are_asked_for(self, verdict: Judge) -> None:
        """By the series' own uid; how many there should be is asked when nothing has told."""
        assert verdict(*series(2), occurrences=4) == SERIES
        assert verdict(*series(2), answers={TYPE: Answered.UNREADABLE}) is NoFinding.AGREES

    @pytest.mark.parametrize("settled", [True, False])
    def test_a_cut_one_is_found_when_it_can_grow_no_more(self, verdict: Judge, *, settled: bool) -> None:
        """One POST makes the weeks one by one."""
        result = verdict(*series(2), occurrences=4, answers={SERIES: Answered.FOUND}, settled=settled)
        if settled:
            assert found(result) == (AuditFindingKind.SERIES_CUT, None, [])
            assert "only 2 of 4 weeks" in getattr(result, "message", "")
        else:
            assert result is NoFinding.TOO_YOUNG

    def test_what_was_counted_once_needs_no_event_type(self, verdict: Judge) -> None:
        """The record holds what the type made then; it may make more or less today."""
        result = verdict(*series(2), occurrences=2, series_of=4, answers={SERIES: Answered.FOUND})
        assert found(result) == (AuditFindingKind.SERIES_CUT, None, [])

    def test_a_cancelled_week_is_no_cut(self, verdict: Judge) -> None:
        """It stays in the series as cancelled; a moved one is there with its successor, and counts once."""
        own, second, third, fourth = series(4)
        gone = second | {"status": "cancelled"}
        assert verdict(own, gone, third, fourth, occurrences=4) is NoFinding.AGREES
        moved = second | {"status": "cancelled", "rescheduledToUid": "new"}
        new = booking("new", start="2030-03-09T09:00:00Z", recurringBookingUid="series")
        assert verdict(own, moved, new, third, fourth, occurrences=4) is NoFinding.AGREES
        assert verdict(own, moved, new, third, occurrences=4) == SERIES

    @pytest.mark.parametrize("answer", [Answered.NOWHERE, Answered.UNREADABLE])
    def test_a_series_that_is_not_found_ends_no_booking(self, verdict: Judge, answer: Answered) -> None:
        """Its first week is shown, as cancelled: what says that there is no series has not got the others yet."""
        own, *_ = series(3, status="cancelled")
        assert verdict(own, occurrences=3, answers={SERIES: answer}) is NoFinding.CANNOT_TELL

    def test_a_cancelled_first_week_leaves_the_others(self, verdict: Judge) -> None:
        """The request stands while any week lives; it is over when none does."""
        own, *others = series(3, status="cancelled")
        asked = {SERIES: Answered.FOUND}
        assert verdict(own, occurrences=3) == SERIES
        assert found(verdict(own, *others, occurrences=3, answers=asked)) == (
            AuditFindingKind.CANCELLED,
            Fix.CANCEL_HERE,
            [],
        )
        alive = [one | {"status": "accepted"} for one in others]
        begins = verdict(own, *alive, occurrences=3, answers=asked)
        assert found(begins) == (AuditFindingKind.MOVED, Fix.FOLLOW, [])
        assert isinstance(begins, AuditFinding)
        assert [place.uid for place in begins.there] == [alive[0]["uid"]]
        moved = others[0] | {"rescheduledToUid": "new"}
        new = booking("new", start="2030-03-09T09:00:00Z", recurringBookingUid="series")
        assert found(verdict(own, moved, others[1], new, occurrences=3, answers=asked)) == (
            AuditFindingKind.MOVED,
            Fix.FOLLOW,
            [],
        )

    def test_a_second_series_is_a_finding(self, verdict: Judge) -> None:
        """Also where only one of its weeks is left."""
        second = booking("two", start="2030-03-08T09:00:00Z", recurringBookingUid="another")
        assert found(verdict(*series(2), second, occurrences=2)) == (AuditFindingKind.TWICE, None, [])

    def test_of_a_refused_one_the_first_week_is_recorded(self, verdict: Judge) -> None:
        """Refused at week 5, and weeks 1 to 4 stand: also when the range, or a person, left only later ones."""
        for weeks in (series(4), series(4)[1:]):
            result = verdict(*weeks, **REJECTED)
            assert found(result) == (AuditFindingKind.NOT_HERE, Fix.RECORD_UID, [])
            assert isinstance(result, AuditFinding)
            assert [place.uid for place in result.there] == [weeks[0]["uid"]]


class TestNotConfirmed:
    """What ended otherwise, and was once unknown, may be booked all the same."""

    def test_its_reference_is_enough(self, verdict: Judge) -> None:
        """Without any uid."""
        for status in (Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED):
            assert found(verdict(booking(), **REJECTED | {"status": status})) == (
                AuditFindingKind.NOT_HERE,
                Fix.RECORD_UID,
                [],
            )

    def test_a_uid_of_its_own_is_asked_for(self, verdict: Judge) -> None:
        """Where this key's list is blind, that is all that can be asked; without a uid nothing can."""
        assert verdict(**REJECTED) is NoFinding.AGREES
        assert verdict(**REJECTED | {"calcom_booking_uid": "own"}) == BY_UID
        assert verdict(**REJECTED | {"calcom_booking_uid": "own", "calcom_seat_uid": "s1"}) == BY_SEAT
        assert verdict(**REJECTED | {"calcom_booking_uid": "own"}, answers=NOWHERE) is NoFinding.AGREES

    def test_its_booking_that_moved_is_asked_for(self, verdict: Judge) -> None:
        """It lives on another day."""
        moved = booking(status="cancelled", rescheduledToUid="far")
        assert verdict(moved, **REJECTED) == Question(About.BOOKING, "far")
        far = booking("far", start="2030-05-01T09:00:00Z")
        assert found(verdict(moved, far, **REJECTED)) == (AuditFindingKind.NOT_HERE, Fix.RECORD_UID, [])

    def test_another_requests_booking_is_no_finding(self, verdict: Judge) -> None:
        """A rejected row may carry the uid of what its customer had already."""
        assert verdict(booking(reference=THEIRS), **REJECTED | {"calcom_booking_uid": "own"}) is NoFinding.AGREES

    @pytest.mark.parametrize(
        ("reason", "is_found"),
        [(HoldReason.BLIND_KEY, True), (HoldReason.SUSPECT, True), (HoldReason.SETTLING, False)],
    )
    def test_only_what_no_worker_finds_out_is_a_finding(
        self,
        verdict: Judge,
        reason: HoldReason,
        *,
        is_found: bool,
    ) -> None:
        """A hold that settles is looked for again by itself."""
        held = {"status": Status.HELD, "hold_reason": reason, "outcome_unknown": True, "sent_at": NOW}
        result = verdict(booking(), **held | {"calcom_booking_uid": None})
        if is_found:
            assert found(result) == (AuditFindingKind.NOT_HERE, Fix.RECORD_UID, [])
        else:
            assert result is NoFinding.UNDER_WAY


class TestHalfMade:
    """A server that died between two inserts leaves a booking that names the attendee, and no seat."""

    @pytest.fixture
    def half(self) -> dict[str, Any]:
        """Return it as the real server showed it."""
        entry = booking("half", attendees=[{"email": ADDRESS, "metadata": {}}])
        del entry["metadata"]
        return entry

    @pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED])
    def test_it_is_found_by_the_very_address(self, verdict: Judge, half: dict[str, Any], status: Status) -> None:
        """Of a row that was once unknown."""
        row = REJECTED | {"status": status, "attendee_email": ADDRESS}
        assert found(verdict(half, **row)) == (AuditFindingKind.HALF_MADE, None, [])
        assert verdict(half, **row | {"sent_at": None}) is NoFinding.AGREES

    @pytest.mark.parametrize(
        "other",
        [
            {"attendees": [{"email": "Ann@example.com", "metadata": {}}]},
            {"attendees": [{"email": ADDRESS, "metadata": {}, "seatUid": "s1"}]},
            {"attendees": [{"email": ADDRESS, "metadata": {"bookingWorkerRef": THEIRS}}]},
            {"metadata": {}},
            {"status": "cancelled"},
            {"start": "2030-03-01T09:30:00Z"},
            {"eventTypeId": 102},
        ],
        ids=[
            "another address",
            "a seat",
            "another request",
            "a type without seats",
            "over",
            "another time",
            "another type",
        ],
    )
    def test_what_is_otherwise_is_not_half_made(
        self, verdict: Judge, half: dict[str, Any], other: dict[str, Any]
    ) -> None:
        """Somebody booked it by another way, or it is another booking."""
        assert verdict(half | other, **REJECTED | {"attendee_email": ADDRESS}) is NoFinding.AGREES

    def test_a_confirmed_row_has_its_own_booking(self, verdict: Judge, half: dict[str, Any]) -> None:
        """A half-made one beside it is what an earlier POST of it left: its seat stands."""
        assert verdict(seated(s1=OURS), half, calcom_seat_uid="s1", attendee_email=ADDRESS) is NoFinding.AGREES

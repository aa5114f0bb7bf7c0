"""The look that may say "absent": what one answer must show before it is believed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.appointments.appointment import Appointment
from tasks.calcom.deciding_lookup import TRIES
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.lookup import LookupKind
from tasks.calcom.reply import ReplyKind
from tests.support.calcom.answers import NO_SUCH_TYPES, refused
from tests.support.calcom.pages import NOW, OURS, Calcom, aged, booking, lookup, ours, page

Make = Callable[..., Appointment]
BY_TYPE = {"eventTypeId": 101, "sortCreated": "desc", "take": 100}
AT_ITS_TIME = {
    "afterStart": "2030-03-01T09:00:00Z",
    "beforeEnd": "2030-03-02T09:00:00Z",
    "sortCreated": "desc",
    "take": 250,
}


def test_all_that_the_type_has_is_listed_in_one_call(row: Make) -> None:
    """No status, no address, no time: a filter may hide ours from a host who sees it."""
    calcom = Calcom(page(booking()))

    result = lookup(calcom, row())

    assert (result.kind, result.deleted) == (LookupKind.ABSENT, False)
    assert calcom.asked == [BY_TYPE]


def test_an_empty_list_is_whole(row: Make) -> None:
    """What it proves is for sight to say."""
    assert lookup(Calcom(page()), row()).kind is LookupKind.ABSENT


@pytest.mark.parametrize("remaining", [0, 500])
def test_what_is_found_counts_in_any_answer(row: Make, remaining: int) -> None:
    """It says what it is a part of."""
    found = ours(recurringBookingUid="series", status="pending")

    result = lookup(Calcom(page(booking(), found, remaining=remaining)), row())

    assert (result.kind, result.there.uid, result.there.series_uid) == (LookupKind.FOUND, "ours", "series")


def test_a_list_that_goes_back_before_the_request_is_enough(row: Make) -> None:
    """Newest first: what is older than the row is none of its."""
    calcom = Calcom(page(booking(), aged(6), remaining=500))

    assert lookup(calcom, row()).kind is LookupKind.ABSENT
    assert len(calcom.asked) == 1


@pytest.mark.parametrize(
    "newest",
    [
        page(booking(), aged(4), remaining=500),
        page(booking(createdAt=None), aged(6), remaining=500),
        page(booking(createdAt="2030-03-01T08:00:00Z"), aged(6), remaining=500),
        page(booking(), aged(6), remaining=500, date=None),
        page(remaining=500),
        page(booking(), aged(6), remaining=500, date=NOW - timedelta(hours=1)),
    ],
    ids=["not far enough", "without a moment", "not in order", "no clock of Cal.com's", "empty", "its clock is behind"],
)
def test_a_list_that_may_hide_newer_ones_is_asked_for_at_the_rows_time(row: Make, newest: Answer) -> None:
    """Then one page must show all that there is at that time."""
    calcom = Calcom(newest, page(booking()))

    assert lookup(calcom, row()).kind is LookupKind.ABSENT
    assert calcom.asked == [BY_TYPE, {**AT_ITS_TIME, "eventTypeId": 101}]


def test_an_earlier_post_counts_as_well(row: Make) -> None:
    """What is older than the last POST may be the first one's."""
    calcom = Calcom(page(booking(), aged(-2), remaining=500), page(ours()))

    assert lookup(calcom, row(sent_at=NOW)).there.uid == "ours"


def test_moments_are_compared_by_calcoms_clock(row: Make) -> None:
    """Its createdAt with its own Date: here it is an hour ahead of ours."""
    ahead = NOW + timedelta(hours=1)
    enough = Calcom(page(booking(createdAt="2030-03-01T10:05:00Z"), aged(-54), remaining=500, date=ahead))
    not_enough = Calcom(page(booking(createdAt="2030-03-01T10:05:00Z"), aged(-56), remaining=500, date=ahead), page())

    assert lookup(enough, row()).kind is lookup(not_enough, row()).kind is LookupKind.ABSENT
    assert (len(enough.asked), len(not_enough.asked)) == (1, 2)


def test_what_is_nowhere_whole_is_no_proof_of_absence(row: Make) -> None:
    """The look fails, rather than to say absent."""
    result = lookup(Calcom(page(booking(), remaining=1)), row())

    assert result.kind is LookupKind.FAILED
    assert result.reply is not None
    assert result.reply.kind is ReplyKind.UNKNOWN


def test_a_type_whose_number_nobody_knows_is_looked_for_at_the_rows_time(row: Make) -> None:
    """The list has no filter by name; once the number is known, it is used."""
    by_name = row(event_type_id=None, event_type_slug="plain", username="clinic")
    unknown, known = Calcom(page(ours())), Calcom(page(ours(eventType=None)))

    assert lookup(unknown, by_name).kind is lookup(known, by_name, calcom_id=101).kind is LookupKind.FOUND
    assert (unknown.asked, known.asked) == ([AT_ITS_TIME], [BY_TYPE])
    assert lookup(Calcom(page(booking("x", eventType={"slug": "other"}))), by_name).kind is LookupKind.ABSENT


@pytest.mark.parametrize(
    ("listed", "kind"),
    [
        ([ours(eventTypeId=None, eventType=None)], LookupKind.FOUND),
        ([booking(eventTypeId=None, eventType=None)], LookupKind.ABSENT),
    ],
)
def test_what_was_booked_of_a_deleted_type_is_found_without_it(
    row: Make, listed: list[dict[str, Any]], kind: LookupKind
) -> None:
    """Cal.com refuses the filter (400), and lists it without a type: the reference alone says whose it is."""
    calcom = Calcom(refused(NO_SUCH_TYPES), page(*listed))

    result = lookup(calcom, row())

    assert (result.kind, result.deleted) == (kind, True)
    assert calcom.asked == [BY_TYPE, AT_ITS_TIME]


def test_a_count_that_is_one_too_high_is_asked_for_again(row: Make) -> None:
    """It is in 8 of 60 answers while others book; the entries count."""
    once = Calcom(page(booking(), miscounted=1), page(booking(), ours()))
    always = Calcom(page(booking(), miscounted=1))

    assert lookup(once, row()).kind is LookupKind.FOUND
    assert lookup(always, row()).kind is LookupKind.ABSENT
    assert (once.asked, always.asked) == ([BY_TYPE] * 2, [BY_TYPE] * TRIES)


def test_a_list_that_counts_what_it_does_not_show_is_not_whole(row: Make) -> None:
    """More than that one is missing: it may be ours."""
    assert lookup(Calcom(page(booking(), aged(6), miscounted=2)), row()).kind is LookupKind.FAILED


@pytest.mark.parametrize(
    ("entries", "kind", "uid"),
    [
        ([ours(status="cancelled"), booking("alive", OURS)], LookupKind.FOUND, "alive"),
        ([ours(status="cancelled"), booking()], LookupKind.CANCELLED, "ours"),
        ([ours(status="rejected")], LookupKind.CANCELLED, "ours"),
        ([ours(status="cancelled", rescheduledToUid="new")], LookupKind.MOVED, "new"),
        ([ours(start="2030-03-01T09:30:00Z")], LookupKind.ABSENT, None),
        ([ours(eventTypeId=102)], LookupKind.ABSENT, None),
    ],
    ids=["one of two lives", "cancelled", "declined", "moved", "another start", "another type"],
)
def test_what_became_of_ours_is_said(
    row: Make, entries: list[dict[str, Any]], kind: LookupKind, uid: str | None
) -> None:
    """One that lives counts before one that is over."""
    result = lookup(Calcom(page(*entries)), row())

    assert (result.kind, result.there.uid) == (kind, uid)


def test_one_that_is_over_does_not_end_a_list_that_is_not_whole(row: Make) -> None:
    """Another of ours may live further down."""
    calcom = Calcom(
        page(ours(status="cancelled"), remaining=500), page(ours(status="cancelled"), booking("alive", OURS))
    )

    assert lookup(calcom, row()).there.uid == "alive"


@pytest.mark.parametrize(
    ("first", "uid"),
    [
        (ours(recurringBookingUid="series"), "ours"),
        (ours(recurringBookingUid="series", status="cancelled"), "week2"),
        (booking(), "week2"),
    ],
    ids=["at our start", "week 1 is over", "week 1 is not there"],
)
def test_a_series_lives_in_any_of_its_weeks(row: Make, first: dict[str, Any], uid: str) -> None:
    """Its week at our start, else the first that lives."""
    weeks = [booking(f"week{week}", OURS, start=f"2030-03-{1 + 7 * (week - 1):02}T09:00:00Z") for week in (3, 2)]

    result = lookup(Calcom(page(*(week | {"recurringBookingUid": "series"} for week in weeks), first)), row())

    assert (result.kind, result.there.uid, result.there.series_uid) == (LookupKind.FOUND, uid, "series")


@pytest.mark.parametrize(
    ("answer", "reply_kind"),
    [
        (NoAnswer(sent=True, error_type="timeout", message="no answer in time", elapsed=30), ReplyKind.UNKNOWN),
        (refused((401, "UnauthorizedException", "CustomThrottlerGuard - Invalid API Key")), ReplyKind.CREDENTIALS),
        (Answer(429, {}, b"", 0.1), ReplyKind.THROTTLED),
    ],
)
def test_a_look_that_fails_says_how_and_asks_no_more(
    row: Make, answer: Answer | NoAnswer, reply_kind: ReplyKind
) -> None:
    """The reply is read as any other."""
    calcom = Calcom(answer)

    result = lookup(calcom, row())

    assert result.kind is LookupKind.FAILED
    assert result.reply is not None
    assert (result.reply.kind, len(calcom.asked)) == (reply_kind, 1)

"""Looking for our own booking among those that Cal.com lists."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from db.appointments.appointment import Appointment
from tasks.calcom.booking import read_booking
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.lookup import MAX_PAGES, LookupKind, lookup, shows_type
from tasks.calcom.reply import ReplyKind
from tasks.calcom.request_body import REFERENCE
from tests.support.calcom.answers import NO_SUCH_TYPES, refused

Make = Callable[..., Appointment]
OURS = "00000000-0000-0000-0000-000000000007"


def booking(uid: str = "ours", reference: str | None = OURS, **changes: Any) -> dict[str, Any]:
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


class Listing:
    """A Cal.com that lists the given bookings, whatever the filters; and remembers what it was asked."""

    def __init__(self, *bookings: dict[str, Any], page: int = 100, deleted: int | None = None) -> None:
        self.bookings, self.page, self.deleted = bookings, page, deleted
        self.asked: list[dict[str, Any]] = []

    def list_bookings(self, params: dict[str, Any]) -> Answer:
        """Return one page."""
        self.asked.append(params)
        if self.deleted is not None and params.get("eventTypeId") == self.deleted:
            return refused(NO_SUCH_TYPES)
        skip = params.get("skip", 0)
        shown = self.bookings[skip : skip + min(self.page, params["take"])]
        left = {"remainingItems": max(len(self.bookings) - skip - len(shown), 0)}
        return answer({"status": "success", "data": shown, "pagination": left})

    def booking(self, uid: str) -> Answer:
        """Return one booking."""
        found = next((one for one in self.bookings if one["uid"] == uid), None)
        if found is None:
            return refused((404, "NotFoundException", f"Booking with uid={uid} was not found in the database"))
        return answer({"status": "success", "data": found})


class Dead:
    """A Cal.com that does not answer."""

    def list_bookings(self, _: object) -> NoAnswer:
        """Time out."""
        return NoAnswer(sent=True, error_type="timeout", message="no answer in time", elapsed=30)

    booking = list_bookings


def answer(content: Any) -> Answer:
    """Return a 200."""
    return Answer(200, {}, json.dumps(content).encode(), 0.1)


@pytest.mark.parametrize("status", ["accepted", "pending"])
def test_our_booking_is_found_by_its_reference(row: Make, status: str) -> None:
    """Among others of the same attendee and time."""
    result = lookup(Listing(booking("other", "another-request"), booking(status=status)), row())

    assert (result.kind, result.there.uid) == (LookupKind.FOUND, "ours")


def test_our_seat_is_found_at_its_attendee(row: Make) -> None:
    """Seats keep metadata there, and have a uid of their own."""
    attendees = [{"metadata": {REFERENCE: mark}, "seatUid": f"seat-{mark}"} for mark in ("another", OURS)]

    result = lookup(Listing(booking("shared", None, attendees=attendees)), row())

    assert (result.kind, result.there.uid, result.there.seat_uid) == (LookupKind.FOUND, "shared", f"seat-{OURS}")


@pytest.mark.parametrize(
    "almost",
    [
        {"reference": "another-request"},
        {"reference": None},
        {"start": "2030-03-01T09:30:00.000Z"},
        {"eventTypeId": 102, "eventType": {"id": 102, "slug": "longer"}},
    ],
)
def test_almost_our_booking_is_not_ours(row: Make, almost: dict[str, Any]) -> None:
    """Reference, instant and event type must all be ours: a reschedule, too, keeps the reference."""
    assert lookup(Listing(booking(**almost)), row()).kind is LookupKind.ABSENT


def test_a_booking_whose_event_type_was_deleted_is_still_ours(row: Make) -> None:
    """Its reference says so."""
    assert lookup(Listing(booking(eventTypeId=None, eventType=None)), row()).kind is LookupKind.FOUND


@pytest.mark.parametrize(
    ("status", "moved_to", "kind", "uid"),
    [
        ("cancelled", None, LookupKind.CANCELLED, "ours"),
        ("rejected", None, LookupKind.CANCELLED, "ours"),
        ("cancelled", "the-new-one", LookupKind.MOVED, "the-new-one"),
    ],
)
def test_a_booking_that_no_longer_stands_says_what_became_of_it(
    row: Make, status: str, moved_to: str | None, kind: LookupKind, uid: str
) -> None:
    """Cancelled, declined by its host, or moved to another time."""
    result = lookup(Listing(booking(status=status, rescheduledToUid=moved_to)), row())

    assert (result.kind, result.there.uid) == (kind, uid)


def test_a_booking_that_was_moved_is_followed_to_the_one_that_stays(row: Make) -> None:
    """With its start, and whether its host has said yes; the list at the old time shows neither."""
    late = "2030-03-05T10:00:00.000Z"
    moved = (
        booking(status="cancelled", rescheduledToUid="second"),
        booking("second", None, status="cancelled", rescheduledToUid="third"),
    )

    result = lookup(Listing(*moved, booking("third", None, start=late, status="pending")), row())
    over = lookup(Listing(*moved, booking("third", None, start=late, status="cancelled")), row())
    hidden = lookup(Listing(*moved), row())
    endless = lookup(Listing(moved[0], booking("second", None, status="cancelled", rescheduledToUid="second")), row())

    start = datetime.fromisoformat(late)
    assert (result.kind, result.there.uid, result.there.start, result.there.awaits_host) == (
        LookupKind.MOVED,
        "third",
        start,
        True,
    )
    assert (over.kind, over.there.uid) == (LookupKind.CANCELLED, "third")
    assert (hidden.kind, hidden.there.uid, hidden.there.start) == (LookupKind.MOVED, "second", None)
    assert endless.kind is LookupKind.FAILED


def test_a_booking_that_lives_counts_before_one_that_was_cancelled(row: Make) -> None:
    """Even when it is listed later, on another page."""
    listing = Listing(booking("gone", status="cancelled"), booking("other", "x"), booking("ours"), page=1)

    assert lookup(listing, row()).there.uid == "ours"


def test_all_pages_are_read_when_the_server_ignores_the_filters(row: Make) -> None:
    """It happened: one release returned everything (docs/calcom.md)."""
    others = [booking(f"other-{n}", f"request-{n}") for n in range(350)]

    result = lookup(Listing(*others, booking()), row())

    assert (result.kind, result.there.uid) == (LookupKind.FOUND, "ours")


def test_a_list_without_an_end_is_no_proof_of_absence(row: Make) -> None:
    """The look fails, rather than to say absent."""
    listing = Listing(*[booking(f"other-{n}", f"request-{n}") for n in range(MAX_PAGES + 1)], page=1)

    result = lookup(listing, row())

    assert (result.kind, len(listing.asked)) == (LookupKind.FAILED, MAX_PAGES)


def test_a_look_that_fails_says_how(row: Make) -> None:
    """The reply is read as any other."""
    result = lookup(Dead(), row())

    assert result.kind is LookupKind.FAILED
    assert result.reply is not None
    assert result.reply.kind is ReplyKind.UNKNOWN


def test_the_email_is_asked_for_as_it_was_posted(row: Make) -> None:
    """Byte for byte, with the event type and a day's window."""
    listing = Listing()

    lookup(listing, row(attendee_email="ann+tag@example.com"))

    assert listing.asked == [
        {
            "attendeeEmail": "ann+tag@example.com",
            "eventTypeId": 101,
            "afterStart": "2030-03-01T09:00:00Z",
            "beforeEnd": "2030-03-02T09:00:00Z",
            "sortCreated": "desc",
            "take": 100,
            "skip": 0,
        }
    ]


def test_a_phone_only_attendee_is_looked_for_without_an_email(row: Make) -> None:
    """Cal.com makes an address up; a wrong guess would hide the booking."""
    listing = Listing(booking())

    result = lookup(listing, row(attendee_email=None, attendee_phone="+12025550143"))

    assert result.kind is LookupKind.FOUND
    assert "attendeeEmail" not in listing.asked[0]


def test_an_event_type_named_by_slug_is_compared_by_slug(row: Make) -> None:
    """The list has no filter for it."""
    by_slug = row(event_type_id=None, event_type_slug="plain", username="clinic")
    listing = Listing(booking())

    assert lookup(listing, by_slug).kind is LookupKind.FOUND
    assert "eventTypeId" not in listing.asked[0]
    assert lookup(Listing(booking(eventType={"slug": "other"})), by_slug).kind is LookupKind.ABSENT


def test_an_event_type_whose_number_is_known_is_asked_for_by_number(row: Make) -> None:
    """However the request names it."""
    by_slug = row(event_type_id=None, event_type_slug="plain", username="clinic")
    listing = Listing(booking(eventType={"slug": "renamed"}))

    assert lookup(listing, by_slug, calcom_id=101).kind is LookupKind.FOUND
    assert listing.asked[0]["eventTypeId"] == 101
    assert (
        lookup(Listing(booking(eventTypeId=102, eventType={"slug": "other"})), by_slug, calcom_id=101).there.uid is None
    )


def test_a_deleted_event_type_is_looked_for_without_it(row: Make) -> None:
    """Cal.com refuses the filter (400), and lists what was booked of the type without one."""
    listing = Listing(booking(eventTypeId=None, eventType=None), deleted=101)

    result = lookup(listing, row())

    assert (result.kind, result.there.uid, result.deleted) == (LookupKind.FOUND, "ours", True)
    assert ["eventTypeId" in asked for asked in listing.asked] == [True, False]


def test_a_booking_that_is_found_says_of_which_series_it_is(row: Make) -> None:
    """A series may be cut: its weeks are counted by its uid."""
    assert lookup(Listing(booking(recurringBookingUid="series")), row()).there.series_uid == "series"


def test_a_slug_is_its_owners_own(row: Make) -> None:
    """Another host's event type of the same slug is another; which team's it is the list does not say."""
    by_slug = row(event_type_id=None, event_type_slug="plain", username="salon")
    of_a_team = row(event_type_id=None, event_type_slug="plain", username=None, team_slug="clinic")
    somebodys = read_booking(booking("other", "x"))
    salons = read_booking(booking("other", "x", hosts=[{"username": "salon"}]))

    assert somebodys is not None
    assert salons is not None
    assert not shows_type(somebodys, by_slug, None)
    assert shows_type(salons, by_slug, None)
    assert not shows_type(salons, of_a_team, None)

"""A booking by its uid, by a seat's, by a series'; on answers recorded from a real Cal.com."""

from datetime import UTC, datetime

import pytest

from tasks.calcom.booking import BookedAttendee, Booking
from tasks.calcom.booking_answers import read_bookings
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import Reply, ReplyKind
from tests.support.calcom.answers import NO_SEAT, NO_UID, refused, shown, whole

SEATED = (
    '{"uid":"bjTLRaH~","status":"accepted","hosts":["host26"],"attendees":[{"email":"ann@","seatUid":"1e3af7e7~",'
    '"metadata":{"ref":"r1"}},{"email":"bob@","seatUid":"3ca16773~","metadata":{"ref":"r2"}}]}'
)
WEEK = '{"uid":"%s~","status":"%s","start":"%s","metadata":{"ref":"r1"},"recurringBookingUid":"cf2fe2fc~"}'
SERIES = ",".join(
    WEEK % week for week in [("54N765b", "accepted", "2029-01-01T08:00Z"), ("x", "cancelled", "2029-01-08T08:00Z")]
)


def one(short: str) -> Booking:
    """Read one booking."""
    read = read_bookings(shown(short))
    assert isinstance(read, tuple)
    (booking,) = read
    return booking


def test_a_booking_shows_who_hosts_and_who_attends_it() -> None:
    """Hosts by number, attendees in their order; no address gets into a log."""
    booking = one(
        '{"uid":"2dKx32i~","status":"accepted","hosts":["host40"],"createdAt":"15:36:01.453Z","metadata":{"ref":"r1"},'
        '"attendees":[{"email":"ann.coll@"},{"email":"host41@"}]}'
    )

    assert (booking.host_ids, booking.hosts) == ({140}, {"host40"})
    assert [attendee.email for attendee in booking.attendees] == ["ann.coll@example.com", "host41@example.com"]
    assert booking.created_at == datetime(2026, 11, 25, 15, 36, 1, 453000, tzinfo=UTC)
    assert (booking.seated, booking.seat_uid, booking.series_uid) == (False, None, None)
    assert "@" not in repr(booking)


def test_a_seat_shows_whose_it_is() -> None:
    """By seat the same: with the owner's key all of them are shown."""
    booking = one(SEATED)

    assert booking.seated
    assert booking.attendees == (
        BookedAttendee("ann@example.com", "1e3af7e7~", "r1"),
        BookedAttendee("bob@example.com", "3ca16773~", "r2"),
    )


def test_a_half_made_seat_is_an_attendee_without_one() -> None:
    """Neither seat nor reference, in a booking that shows no metadata either."""
    booking = one('{"uid":"h~","status":"accepted","attendees":[{"email":"ann@","metadata":{}}]}')

    assert booking.seated
    assert booking.attendees == (BookedAttendee("ann@example.com", None, None),)


def test_a_series_is_all_its_weeks() -> None:
    """Also those that were cancelled."""
    weeks = read_bookings(shown(f"[{SERIES}]"))

    assert isinstance(weeks, tuple)
    assert [(week.series_uid, week.cancelled) for week in weeks] == [("cf2fe2fc~", False), ("cf2fe2fc~", True)]
    assert [week.is_at(datetime(2029, 1, 1, 8, tzinfo=UTC)) for week in weeks] == [True, False]


@pytest.mark.parametrize("refusal", [NO_UID, NO_SEAT])
def test_a_booking_that_is_not_there_is_refused_with_404(refusal: tuple[int, str, str]) -> None:
    """A replica that lags says the same, byte for byte."""
    reply = read_bookings(refused(refusal))

    assert isinstance(reply, Reply)
    assert (reply.kind, reply.http_status) == (ReplyKind.REFUSED, 404)
    assert "not found" in reply.message


@pytest.mark.parametrize(
    ("answer", "reply_kind"),
    [
        (refused((404, "NotFoundException", "Cannot GET /v2/bookings/x")), ReplyKind.CONFIGURATION),
        (whole(200, {"status": "success", "data": None}), ReplyKind.CONFIGURATION),
        (whole(200, {"status": "success", "data": []}), ReplyKind.UNKNOWN),
        (whole(200, {"status": "success", "data": [{"uid": "x"}, {"uid": None}]}), ReplyKind.UNKNOWN),
        (Answer(200, {}, b"<html>", 0.1), ReplyKind.CONFIGURATION),
        (Answer(200, {}, b'{"data":{"uid":"x"}}', 0.1, truncated=True), ReplyKind.UNKNOWN),
        (NoAnswer(sent=True, error_type="timeout", message="", elapsed=1), ReplyKind.UNKNOWN),
    ],
)
def test_what_is_no_booking_is_never_read_as_one(answer: Answer | NoAnswer, reply_kind: ReplyKind) -> None:
    """Nor a part of a series as the whole."""
    reply = read_bookings(answer)

    assert isinstance(reply, Reply)
    assert reply.kind is reply_kind

"""What a 200 or 201 to a POST shows (docs/calcom.md, rows 1 to 3), on answers recorded from a real Cal.com."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.classify import read_post
from tasks.calcom.http.answer import Answer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter
from tasks.calcom.request_body import REFERENCE
from tests.support.calcom.answers import DATE, created, shown, whole

START = datetime(2029, 1, 1, 8, tzinfo=UTC)
ANN = "ann0@example.com"
FIXTURE = Path(__file__).parents[2] / "fixtures" / "calcom" / "answers.json"
RECORDED = {entry["name"]: entry for entry in json.loads(FIXTURE.read_text())}


def recorded(name: str) -> Answer:
    """Return a recorded answer; the recordings' `jobId` stands where our reference does."""
    entry = RECORDED[name]
    return Answer(entry["status"], {}, entry["body"].replace('"jobId"', f'"{REFERENCE}"').encode(), 0.1)


def made(status: int, body: str) -> Answer:
    """Return an answer that was never recorded."""
    return Answer(status, {"date": DATE}, body.encode(), 0.1)


def read(answer: Answer, reference: str = "r1", attendee: str | None = ANN) -> Reply:
    """Read an answer to the POST that carried `reference` for `attendee`."""
    return read_post(answer, reference=reference, attendee=attendee, start=START)


@pytest.mark.parametrize(
    ("answer", "reference", "uid"),
    [
        (recorded("valid booking"), "job-1", "1AC4DdJQz4Z4D6mz3p86gS"),
        (recorded("requiresConfirmation: first"), "c1", "uPRTf9cpJWU3vHyizruAaS"),
        (
            created('{"uid":"nVhcAKW~","status":"accepted","hosts":["host21"],"metadata":{"ref":"r1"}}'),
            "r1",
            "nVhcAKW~",
        ),
        (created('{"uid":"4tXs9Ma~","status":"pending","hosts":["host29"],"metadata":{"ref":"r1"}}'), "r1", "4tXs9Ma~"),
    ],
)
def test_row_1_a_201_with_our_reference_is_booked(answer: Answer, reference: str, uid: str) -> None:
    """Accepted and pending bookings are ours when they carry our reference."""
    reply = read(answer, reference)

    assert (reply.kind, reply.outcome, reply.uid) == (ReplyKind.BOOKED, CallOutcome.SUCCESS, uid)
    assert (reply.error_type, reply.seat_uid, reply.http_status) == (ErrorType.NONE, None, 201)


def test_row_1_the_booking_says_when_it_was_made_and_the_answer_when_it_was_given() -> None:
    """Both by Cal.com's clock: a booking that is older than the POST was made by an earlier one."""
    reply = read(created('{"uid":"g2qbinc~","createdAt":"15:48:40.169Z","metadata":{"ref":"r1"}}'))

    assert reply.created_at == datetime(2026, 11, 25, 15, 48, 40, 169000, tzinfo=UTC)
    assert reply.answered_at == datetime(2026, 11, 25, 15, 48, 41, tzinfo=UTC)


OWN = (
    '{"uid":"vwXasbu~","status":"accepted","hosts":["host25"],"attendees":[{"email":"ann0@","seatUid":"e24ec272~",'
    '"metadata":{"ref":"r1"}}],"seatUid":"e24ec272~"}'
)
FURTHER = (
    '{"uid":"dRQcZxf~","status":"accepted","hosts":["host27"],"attendees":[{"email":"bob0@","seatUid":"e34999ff~",'
    '"metadata":{"ref":"rb"}},{"email":"ann0@","seatUid":"9f180f74~","metadata":{"ref":"r1"}}],"seatUid":"9f180f74~"}'
)
HIDDEN = '{"uid":"bjTLRaH~","status":"accepted","hosts":["host26"],"attendees":[],"seatUid":"1e3af7e7~"}'
LATE = (
    '{"uid":"5YuWeKZ~","status":"accepted","hosts":["host25"],"attendees":[{"email":"bob@","seatUid":"0190569d~",'
    '"metadata":{"ref":"rb"}}],"seatUid":"93f08eff~"}'
)
AGAIN = (
    '{"uid":"qceFKiW~","status":"accepted","hosts":["host28"],"attendees":[{"email":"ann0@","seatUid":"5e58d2a6~",'
    '"metadata":{"ref":"r1"}}],"seatUid":""}'
)
TWO_OF_OURS = (
    '{"uid":"x~","attendees":[{"email":"ann0@","seatUid":"one~","metadata":{"ref":"r1"}},'
    '{"email":"ann0@","seatUid":"two~","metadata":{"ref":"r1"}}],"seatUid":"one~"}'
)


@pytest.mark.parametrize(
    ("short", "uid", "seat"),
    [
        (OWN, "vwXasbu~", "e24ec272~"),
        (FURTHER, "dRQcZxf~", "9f180f74~"),
        (HIDDEN, "bjTLRaH~", "1e3af7e7~"),
        (LATE, "5YuWeKZ~", "93f08eff~"),
        (AGAIN, "qceFKiW~", "5e58d2a6~"),
        (TWO_OF_OURS, "x~", "one~"),
    ],
    ids=["first", "further", "attendees hidden", "replica behind", "the identical POST", "two seats of ours"],
)
def test_row_1_the_seat_at_the_top_is_the_one_that_this_post_made(short: str, uid: str, seat: str) -> None:
    """Whatever the attendees show: a replica that lags shows them as they were before (62 of 62)."""
    reply = read(created(short))

    assert (reply.kind, reply.uid, reply.seat_uid) == (ReplyKind.BOOKED, uid, seat)


WEEKS = [
    {"uid": f"week{week}~", "start": f"2029-01-{1 + 7 * (week - 1):02}T08:00Z", "metadata": {"ref": "r1"}}
    | {"recurringBookingUid": "cf2fe2fc~"}
    for week in (1, 2, 3)
]


@pytest.mark.parametrize(
    ("entries", "uid", "at_start"),
    [(WEEKS, "week1~", True), (WEEKS[1:], "week2~", False), ([WEEKS[2], WEEKS[0]], "week1~", True)],
    ids=["all", "round robin leaves week 1 out", "in another order"],
)
def test_row_1_of_a_series_the_week_at_our_start_counts(
    entries: list[dict[str, Any]],
    uid: str,
    at_start: bool,  # noqa: FBT001 - a column
) -> None:
    """And else the first that carries our reference; the series has a uid of its own."""
    reply = read(created(json.dumps(entries)))

    assert (reply.kind, reply.uid, reply.series_uid) == (ReplyKind.BOOKED, uid, "cf2fe2fc~")
    assert reply.at_start is at_start


@pytest.mark.parametrize(("short", "uid"), [('{"uid":"u~","metadata":{"ref":"r1"}}', "u~"), (LATE, "5YuWeKZ~")])
def test_row_1_a_200_that_shows_ours_is_a_booking(short: str, uid: str) -> None:
    """A proxy has changed the status; the booking is there."""
    reply = read(shown(short))

    assert (reply.kind, reply.uid, reply.http_status) == (ReplyKind.BOOKED, uid, 200)


GUEST = '{"uid":"eDiTYkF~","metadata":{"ref":"rb"},"attendees":[{"email":"bob@"},{"email":"ann0@"}]}'
BEFORE = '{"uid":"av6nUS6~","metadata":{"ref":"r0"},"attendees":[{"email":"ann0@"},{"email":"host70@"}]}'
BY_HAND = '{"uid":"w~","metadata":{},"attendees":[{"email":"ann0@"}]}'
CASE = '{"uid":"w~","metadata":{"ref":"r0"},"attendees":[{"email":"Ann0@example.com"}]}'
SEAT_BEFORE = (
    '{"uid":"s~","attendees":[{"email":"bob0@","seatUid":"b~","metadata":{"ref":"rb"}},'
    '{"email":"ann0@","seatUid":"a~","metadata":{"ref":"r0"}}],"seatUid":""}'
)
SEAT_BY_HALF = '{"uid":"s~","attendees":[{"email":"ann0@","metadata":{}}],"seatUid":""}'
SEAT_OF_OTHERS = '{"uid":"s~","attendees":[{"email":"bob0@","seatUid":"b~","metadata":{"ref":"rb"}}],"seatUid":""}'


@pytest.mark.parametrize(
    ("short", "other", "is_attendee"),
    [
        (GUEST, "rb", False),
        (BEFORE, "r0", True),
        (BY_HAND, None, True),
        (CASE, "r0", False),
        (SEAT_BEFORE, "r0", True),
        (SEAT_BY_HALF, None, False),
        (SEAT_OF_OTHERS, None, False),
    ],
    ids=[
        "a guest of it",
        "made for us",
        "by another way",
        "another letter case",
        "our address has a seat",
        "half a seat",
        "it has none",
    ],
)
def test_row_2_a_201_that_was_there_before_says_whose_it_is(short: str, other: str | None, is_attendee: bool) -> None:  # noqa: FBT001 - a column
    """Guests are attendees, too: only who stands first, or has a seat, was booked."""
    reply = read(created(short))

    assert (reply.kind, reply.outcome, reply.error_type) == (
        ReplyKind.EXISTING_BOOKING,
        CallOutcome.SUCCESS,
        ErrorType.REFUSED,
    )
    assert (reply.other_reference, reply.is_attendee, reply.owner_hidden) == (other, is_attendee, False)
    assert reply.uid is not None


def test_row_2_without_an_address_nobody_is_the_attendee() -> None:
    """What cannot be compared is not taken for equal."""
    assert not read(created('{"uid":"w~","metadata":{},"attendees":[{"name":"Ann"}]}'), attendee=None).is_attendee


@pytest.mark.parametrize(
    "name", ["requiresConfirmation: same attendee+start again, other metadata", "round robin: same again", "guests"]
)
def test_row_2_recorded(name: str) -> None:
    """A 201 may return the booking that this attendee already had: its metadata tells."""
    reply = read(recorded(name), attendee="ann@example.test")

    assert (reply.kind, reply.is_attendee) == (ReplyKind.EXISTING_BOOKING, True)


def test_row_2_hidden_attendees_leave_untold_whose_seat_it_is() -> None:
    """No seat was made, and none is shown: it may be ours."""
    reply = read(created('{"uid":"bjTLRaH~","attendees":[],"seatUid":""}'))

    assert (reply.kind, reply.owner_hidden, reply.is_attendee) == (ReplyKind.EXISTING_BOOKING, True, False)


@pytest.mark.parametrize(
    "short",
    [
        '{"uid":"s~","attendees":[{"email":"bob@","seatUid":"b~","metadata":{"ref":"rb"}}]}',
        '{"uid":"s~","attendees":[{"email":"bob@","seatUid":"b~","metadata":{"ref":"rb"}}],"seatUid":null}',
        '{"uid":"s~","attendees":[{"email":"bob@","seatUid":"b~","metadata":{"ref":"rb"}}],"seatUid":"not a uid"}',
        '{"uid":"s~","metadata":{},"attendees":[{"email":"bob@","seatUid":"b~"}]}',
        '{"uid":"s~","metadata":{},"attendees":[{"email":"bob@"}],"seatUid":null}',
        '{"uid":"s~","attendees":[{"email":"ann0@","metadata":{}}]}',
        '{"uid":"s~","attendees":[]}',
    ],
)
def test_row_3_any_other_201_with_seats_is_unknown(short: str) -> None:
    """Never "rejected": our seat may be behind the replica that was read."""
    reply = read(created(short))

    assert (reply.kind, reply.settle_after, reply.error_type) == (
        ReplyKind.UNKNOWN,
        SettleAfter.ANSWERED,
        ErrorType.UNREADABLE,
    )


@pytest.mark.parametrize(
    "answer",
    [
        *map(partial(made, 201), ["[]", '{"status":"success"}', '{"data":[]}', '{"ok":true}']),
        *map(partial(made, 201), ['{"data":{"uid":7}}', '{"data":{"uid":"without metadata"}}']),
    ],
)
def test_row_3_a_201_without_a_booking_is_unknown_for_long(answer: Answer) -> None:
    """Cal.com has probably booked; but it never answers so, and may be at work behind who does."""
    reply = read(answer, "job-1")

    assert (reply.kind, reply.settle_after, reply.outcome) == (
        ReplyKind.UNKNOWN,
        SettleAfter.UNANSWERED,
        CallOutcome.FAILURE_ENDPOINT,
    )
    assert (reply.error_type, reply.http_status) == (ErrorType.UNREADABLE, 201)


@pytest.mark.parametrize(
    "answer",
    [
        *(made(status, body) for status in (200, 201) for body in ("<html>", "", "null")),
        replace(whole(200, {}), truncated=True),
        replace(recorded("valid booking"), truncated=True),
    ],
)
def test_row_3_what_is_cut_or_empty_is_unknown_for_long(answer: Answer) -> None:
    """Cal.com never says so to a POST: it may still be at work behind the proxy that does."""
    reply = read(answer)

    assert (reply.kind, reply.settle_after, reply.answered_at) == (ReplyKind.UNKNOWN, SettleAfter.UNANSWERED, None)


@pytest.mark.parametrize("answer", [whole(200, {"data": {"uid": "x", "metadata": {}}}), whole(200, [])])
def test_row_13_a_200_that_shows_nothing_of_ours_is_the_wrong_server(answer: Answer) -> None:
    """Held until the settings are others."""
    assert read(answer).kind is ReplyKind.CONFIGURATION

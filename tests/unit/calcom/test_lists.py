"""Lists and slots: the answers to a look."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.calcom.booking_answers import Page, read_list
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import Reply, ReplyKind
from tasks.calcom.request_body import REFERENCE
from tasks.calcom.slots import read_slots

FIXTURE = Path(__file__).parents[2] / "fixtures" / "calcom" / "answers.json"
RECORDED = {entry["name"]: entry for entry in json.loads(FIXTURE.read_text())}


def recorded(name: str) -> Answer:
    """Return a recorded answer; the recordings' `jobId` stands where our reference does."""
    entry = RECORDED[name]
    return Answer(entry["status"], {}, entry["body"].replace('"jobId"', f'"{REFERENCE}"').encode(), 0.1)


def listed(*entries: object, **pagination: Any) -> Answer:
    """Return a list of `entries`."""
    return Answer(200, {}, json.dumps({"status": "success", "data": entries, "pagination": pagination}).encode(), 0.1)


def test_a_booking_is_read_with_all_that_a_look_compares() -> None:
    """Reference, instant, event type, host."""
    page = read_list(recorded("GET list at once"))

    assert isinstance(page, Page)
    (booking,) = page.bookings
    assert (booking.uid, booking.marks, booking.cancelled) == ("1AC4DdJQz4Z4D6mz3p86gS", {"job-1": None}, False)
    assert booking.start == datetime(2026, 12, 7, 9, tzinfo=UTC)
    assert (booking.event_type_id, booking.event_type_slug, booking.hosts) == (1001, "plain", {"host1"})


def test_a_rescheduled_booking_says_where_it_went() -> None:
    """It is cancelled, and names its successor; both keep the metadata."""
    both = [json.loads(recorded(name).body)["data"] for name in ("GET old uid", "reschedule")]

    page = read_list(listed(*both))

    assert isinstance(page, Page)
    old, new = page.bookings
    assert (old.cancelled, old.moved_to) == (True, new.uid)
    assert old.marks == new.marks == {"rs1": None}


def test_every_seat_is_read_with_its_own_reference() -> None:
    """Seats share a uid; each attendee has metadata and a seat uid of its own."""
    page = read_list(recorded("seats, hidden: GET list with the host's key"))

    assert isinstance(page, Page)
    assert page.bookings[0].marks == {
        "h1": "31d18ccb-4db8-4d06-b2be-354330752315",
        "h2": "d0233537-9af8-49c2-89a3-f5e3c7dba439",
    }


def test_an_empty_list_is_a_page() -> None:
    """A replica that lags answers so."""
    assert read_list(recorded("read replica that lags: GET list")) == Page(bookings=(), remaining=0, total=0)


@pytest.mark.parametrize(
    ("answer", "reply_kind"),
    [
        (Answer(200, {}, b'{"status":"success","data":{"bookings":[]}}', 0.1), ReplyKind.CONFIGURATION),
        (Answer(200, {}, b"<html>", 0.1), ReplyKind.CONFIGURATION),
        (recorded("no key: GET list"), ReplyKind.CONFIGURATION),
        (recorded("list: take=abc"), ReplyKind.CONFIGURATION),
        (recorded("wrong path"), ReplyKind.CONFIGURATION),
        (recorded("bad key: GET list"), ReplyKind.CREDENTIALS),
        (recorded("429 (call 121)"), ReplyKind.THROTTLED),
        (recorded("Postgres down: GET list"), ReplyKind.UNKNOWN),
        (Answer(200, {}, b'{"data":[', 0.1, truncated=True), ReplyKind.UNKNOWN),
        (listed({"uid": None}), ReplyKind.UNKNOWN),
        (NoAnswer(sent=True, error_type="timeout", message="", elapsed=1), ReplyKind.UNKNOWN),
        (NoAnswer(sent=False, error_type="dns", message="", elapsed=1), ReplyKind.NOT_SENT),
    ],
)
def test_what_is_no_list_is_never_read_as_an_empty_one(answer: Answer | NoAnswer, reply_kind: ReplyKind) -> None:
    """An older version's shape, an unreadable entry, a page of HTML: absence must not be concluded from them."""
    reply = read_list(answer)

    assert isinstance(reply, Reply)
    assert reply.kind is reply_kind


def test_slots_are_read_as_instants() -> None:
    """The recorded day offers 8:30 and 9:30."""
    starts = read_slots(recorded("read replica that lags: slots of that day"))

    assert starts == {datetime(2027, 10, 13, 8, 30, tzinfo=UTC), datetime(2027, 10, 13, 9, 30, tzinfo=UTC)}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data":[]}', b'{"data":{"2027-10-13":null}}'])
def test_what_is_no_list_of_slots_says_nothing(body: bytes) -> None:
    """None, and not "nothing is offered": that would refuse a customer."""
    assert read_slots(Answer(200, {}, body, 0.1)) is None

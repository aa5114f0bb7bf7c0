"""Reading answers never fails, whatever a server sends."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.calcom.booking_answers import read_list
from tasks.calcom.classify import read_post
from tasks.calcom.http.answer import Answer
from tasks.calcom.request_body import REFERENCE
from tasks.calcom.slots import read_slots

WORDS = st.sampled_from(
    [
        *("status", "data", "uid", "metadata", "attendees", "seatUid", "error", "message", "details", "errors"),
        *("statusCode", "start", "eventType", "eventTypeId", "pagination", "remainingItems", "hosts", "username"),
        REFERENCE,
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | WORDS, inner, max_size=4),
    max_leaves=12,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 100_000)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-ratelimit-reset-default", "x-ratelimit-remaining-default", "location"]),
    st.text() | st.integers().map(str) | st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %H:%M:%S GMT")),
)
ANSWERS = st.builds(
    Answer,
    status=st.integers(100, 999) | st.sampled_from([200, 201, 400, 401, 403, 404, 409, 429, 500, 503]),
    headers=HEADERS,
    body=BODIES,
    elapsed=st.floats(0, 60),
    truncated=st.booleans(),
)


@settings(deadline=None, derandomize=True)
@given(ANSWERS)
def test_no_answer_makes_reading_fail_or_leave_its_bounds(answer: Answer) -> None:
    """What is kept of an answer is short, printable, and waits an hour at most."""
    reply = read_post(answer, reference="job-1")

    assert len(reply.message) <= 500
    assert reply.message.isprintable()
    assert reply.retry_after is None or 0 <= reply.retry_after <= 3600
    assert reply.uid is None or reply.uid.isascii()


@settings(deadline=None, derandomize=True)
@given(ANSWERS)
def test_no_list_and_no_slots_make_reading_fail(answer: Answer) -> None:
    """The same for the answers to a look."""
    read_list(answer)
    read_slots(answer)

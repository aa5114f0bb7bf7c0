"""Any answer of any server is a reply; only Cal.com's own, with our reference and a uid, is a booking of ours."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.calcom.answer import Answer, NoAnswer
from tasks.calcom.body import REFERENCE
from tasks.calcom.meaning import ErrorType, Meaning, Reply
from tasks.calcom.replies import Page, read_failure, read_list, read_post, read_slots

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
OURS = "8c6f4a52-0000-4000-8000-000000000001"
few = settings(max_examples=250, deadline=None, derandomize=True)

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
KEYS = (
    "uid",
    "metadata",
    "attendees",
    "seatUid",
    "start",
    "eventType",
    "hosts",
    "status",
    "rescheduledToUid",
    REFERENCE,
)
ANYTHING = st.recursive(
    LEAVES | st.just(OURS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)
# Nearly a booking of ours, so that one thing alone decides.
METADATA = st.sampled_from([{REFERENCE: OURS}, {REFERENCE: OURS.upper()}, {REFERENCE: ""}, {REFERENCE: [OURS]}, {}])
UIDS = st.sampled_from(["uid-1", "uid-2", "", "a b", "uid\x1b[2J", "u" * 256, "ü", None, 5])
BOOKINGS = st.fixed_dictionaries({"uid": UIDS, "metadata": METADATA}, optional={"attendees": ANYTHING})
CREATED = st.fixed_dictionaries({"data": BOOKINGS | st.lists(BOOKINGS, max_size=3)})
BODIES = st.binary(max_size=50) | (CREATED | ANYTHING).map(lambda value: json.dumps(value).encode())
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-ratelimit-reset-default", "x-ratelimit-remaining-default", "date"]),
    st.text(max_size=20) | st.integers().map(str) | st.floats().map(str),
)
CREATED_ANSWERS = st.builds(
    Answer,
    status=st.just(201),
    headers=st.just({}),
    body=CREATED.map(lambda value: json.dumps(value).encode()),
    elapsed=st.just(0.1),
    truncated=st.booleans(),
)
ANSWERS = CREATED_ANSWERS | st.builds(
    Answer,
    status=st.sampled_from([200, 201]) | st.integers(100, 999),
    headers=HEADERS,
    body=BODIES,
    elapsed=st.floats(0, 60),
    truncated=st.booleans(),
)
NONE = st.builds(
    NoAnswer,
    sent=st.booleans(),
    error_type=st.sampled_from(list(ErrorType)),
    message=st.text(max_size=50),
    elapsed=st.floats(0, 60),
)


def carries(value: Any, uid: str | None) -> bool:
    """Say whether a booking with this uid and our reference stands in a 201's body, by a simpler rule than ours."""
    entries = value if isinstance(value, list) else [value]
    return any(isinstance(one, dict) and one.get("uid") == uid and OURS in json.dumps(one) for one in entries)


@few
@given(ANSWERS | NONE)
@example(Answer(201, {}, json.dumps({"data": {"uid": "u", "metadata": {REFERENCE: OURS}}}).encode(), 0.1))
def test_only_a_201_with_our_reference_and_a_uid_is_booked(answer: Answer | NoAnswer) -> None:
    """A booking that is not ours must not end a request, and one without a uid could never be found again."""
    reply = read_post(answer, reference=OURS, now=NOW)

    assert isinstance(reply, Reply)
    assert reply.message.isprintable()
    if reply.meaning is Meaning.BOOKED:
        assert isinstance(answer, Answer)
        assert (answer.status, answer.truncated) == (201, False)
        assert reply.uid is not None
        assert reply.uid.isascii()
        assert reply.uid.isprintable()
        assert carries(json.loads(answer.body)["data"], reply.uid)
    if isinstance(answer, NoAnswer):
        assert reply.meaning in {Meaning.UNKNOWN, Meaning.NOT_SENT, Meaning.CREDENTIALS}
        assert (reply.meaning is Meaning.UNKNOWN) == answer.sent


@few
@given(ANSWERS | NONE)
def test_a_call_that_reads_never_fails(answer: Answer | NoAnswer) -> None:
    """A page, a reply, a set of slots, or that nothing can be said."""
    assert isinstance(read_list(answer, now=NOW), Page | Reply)
    assert isinstance(read_failure(answer, now=NOW), Reply | None)
    assert isinstance(read_slots(answer), frozenset | None)

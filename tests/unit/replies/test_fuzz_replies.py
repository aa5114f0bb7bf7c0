"""Any answer of any server is a reply; only Cal.com's own, with our reference and a uid, is a booking of ours."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from db.event_kind import EventKind
from tasks.calcom.booking_answers import Page, read_bookings, read_list
from tasks.calcom.classify import read_post
from tasks.calcom.event_type_answers import EventTypeFacts, Me, read_event_type, read_event_types, read_me
from tasks.calcom.failures import read_failure
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.calcom.request_body import REFERENCE
from tasks.calcom.slots import read_slots

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
BOOKINGS = st.fixed_dictionaries(
    {"uid": UIDS, "metadata": METADATA}, optional={"attendees": ANYTHING, "seatUid": UIDS, "createdAt": ANYTHING}
)
CREATED = st.fixed_dictionaries({"data": BOOKINGS | st.lists(BOOKINGS, max_size=3)})
BODIES = st.binary(max_size=50) | (CREATED | ANYTHING).map(lambda value: json.dumps(value).encode())
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-ratelimit-reset-default", "x-ratelimit-remaining-default", "date"]),
    st.text(max_size=20) | st.integers().map(str) | st.floats().map(str),
)
CREATED_ANSWERS = st.builds(
    Answer,
    status=st.sampled_from([200, 201]),
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
    """Say whether a body has a booking with this uid and our reference, or a seat made now: by a simpler rule."""
    entries = value if isinstance(value, list) else [value]
    named = [one for one in entries if isinstance(one, dict) and one.get("uid") == uid]
    return any(OURS in json.dumps(one) or one.get("seatUid") for one in named)


@few
@given(ANSWERS | NONE)
@example(Answer(201, {}, json.dumps({"data": {"uid": "u", "metadata": {REFERENCE: OURS}}}).encode(), 0.1))
def test_only_a_201_with_our_reference_or_seat_and_a_uid_is_booked(answer: Answer | NoAnswer) -> None:
    """A booking that is not ours must not end a request, and one without a uid could never be found again."""
    reply = read_post(answer, reference=OURS)

    assert isinstance(reply, Reply)
    assert reply.message.isprintable()
    if reply.kind is ReplyKind.BOOKED:
        assert isinstance(answer, Answer)
        assert answer.status in {200, 201}
        assert not answer.truncated
        assert reply.uid is not None
        assert reply.uid.isascii()
        assert reply.uid.isprintable()
        assert carries(json.loads(answer.body)["data"], reply.uid)
    if isinstance(answer, NoAnswer):
        assert reply.kind in {ReplyKind.UNKNOWN, ReplyKind.NOT_SENT, ReplyKind.CREDENTIALS}
        assert (reply.kind is ReplyKind.UNKNOWN) == answer.sent


@few
@given(ANSWERS | NONE)
def test_a_call_that_reads_never_fails(answer: Answer | NoAnswer) -> None:
    """A page, a reply, a set of slots, or that nothing can be said."""
    assert isinstance(read_list(answer), Page | Reply)
    assert isinstance(read_failure(answer), Reply | None)
    assert isinstance(read_slots(answer), frozenset | None)
    assert isinstance(read_bookings(answer), tuple | Reply)
    assert isinstance(read_me(answer), Me | Reply)


TRAITS = ANYTHING | st.sampled_from(
    [{"disabled": True}, {"type": "always"}, {"seatsPerTimeSlot": 2}, {"occurrences": 8}]
)
EVENT_TYPES = st.fixed_dictionaries(
    {"id": LEAVES | st.just(7), "ownerId": LEAVES | st.just(1), "slug": st.just("plain")},
    optional={
        "schedulingType": LEAVES | st.sampled_from(["collective", "roundRobin", "managed"]),
        "teamId": LEAVES,
        "hosts": ANYTHING
        | st.lists(st.fixed_dictionaries({"userId": st.just(1) | LEAVES}, optional={"mandatory": LEAVES})),
        "seats": TRAITS,
        "recurrence": TRAITS | st.none(),
        "confirmationPolicy": TRAITS,
        "price": LEAVES | st.just(0),
        "metadata": ANYTHING,
    },
)


@few
@given(EVENT_TYPES)
def test_no_event_type_is_read_as_plainer_than_it_says(shown: dict[str, Any]) -> None:
    """A kind, or that it cannot be read; a plain one has said of each trait that it has none."""
    answers = [Answer(200, {}, json.dumps({"data": data}).encode(), 0.1) for data in (shown, [shown])]

    read, listed = read_event_type(answers[0]), read_event_types(answers[1], "plain")

    assert read == listed
    if isinstance(read, EventTypeFacts) and read.kind in {EventKind.PLAIN, EventKind.COLLECTIVE}:
        assert {"disabled": True} == shown["seats"] == shown["confirmationPolicy"]
        assert shown["recurrence"] in (None, {"disabled": True})
        assert shown["price"] == 0

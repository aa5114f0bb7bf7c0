"""A booking request: what is refused, what is normalised, and what is never repeated."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from booking_client.request.model import Attendee, BookingRequest
from resilience.exceptions import CustomerValidationException

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
ANN: dict[str, Any] = {"name": "Ann Fake", "email": "ann@example.com", "time_zone": "Europe/Berlin"}
ASKED: dict[str, Any] = {"event_type_id": 101, "start": "2027-03-01T09:00:00Z", "attendee": ANN}
JSON_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


def parse(**changes: Any) -> BookingRequest:
    """Return a valid request with some of its fields changed."""
    return BookingRequest.parse(ASKED | changes, now=NOW)


def refusal(field: str, **changes: Any) -> str:
    """Return why `field` is refused."""
    with pytest.raises(CustomerValidationException) as refused:
        parse(**changes)
    assert list(refused.value.validation_errors) == [field]
    return refused.value.get_field_error(field) or ""


def test_a_full_request_becomes_the_columns_of_its_row() -> None:
    """Nothing that Cal.com takes is lost on the way."""
    request = BookingRequest.parse(
        {
            "event_type_slug": "massage",
            "team_slug": "studio",
            "organization_slug": "acme",
            "start": "2027-03-01T10:00:00+01:00",
            "length_in_minutes": 45,
            "attendee": ANN | {"phone_number": "+1 (202) 555-0143", "language": "de"},
            "guests": ["Bob@Example.com"],
            "location": {"type": "attendeePhone", "phone": "+1 202 555 0199"},
            "booking_fields_responses": {"company": "ACME"},
            "metadata": {"source": "phone"},
            "answer_by": NOW + timedelta(minutes=15),
            "idempotency_key": "call-1",
            "correlation_id": "c-1",
        },
        now=NOW,
    )
    assert request.values() == {
        "event_type_id": None,
        "event_type_slug": "massage",
        "username": None,
        "team_slug": "studio",
        "organization_slug": "acme",
        "start_at": datetime(2027, 3, 1, 9, tzinfo=UTC),
        "end_at": datetime(2027, 3, 1, 9, 45, tzinfo=UTC),
        "length_in_minutes": 45,
        "attendee_name": "Ann Fake",
        "attendee_email": "ann@example.com",
        "attendee_phone": "+12025550143",
        "attendee_time_zone": "Europe/Berlin",
        "attendee_language": "de",
        "guests": ["bob@example.com"],
        "location": {"type": "attendeePhone", "phone": "+12025550199"},
        "booking_fields_responses": {"company": "ACME"},
        "request_metadata": {"source": "phone"},
        "answer_by": NOW + timedelta(minutes=15),
    }


def test_a_small_request_leaves_the_rest_empty() -> None:
    """What is not asked for is null, an empty list or an empty object."""
    values = parse().values()
    assert (values["end_at"], values["location"], values["attendee_phone"]) == (None, None, None)
    assert (values["guests"], values["booking_fields_responses"], values["request_metadata"]) == ([], {}, {})


def test_python_callers_build_it_with_the_same_checks() -> None:
    """The constructor is no way around them, and its error shows no value."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    ann = Attendee(name="Ann Fake", email="ANN@example.com", time_zone="UTC")
    assert BookingRequest(event_type_id=101, start=start, attendee=ann).attendee.email == "ann@example.com"
    with pytest.raises(ValidationError) as refused:
        Attendee(name="Ann Fake", email="secret-nonsense", time_zone="UTC")
    assert "secret-nonsense" not in str(refused.value)


def test_a_request_cannot_be_changed_once_it_is_checked() -> None:
    """What was checked is what is stored."""
    with pytest.raises(ValidationError):
        parse().start = NOW  # type: ignore[misc]


@pytest.mark.parametrize(
    "start", ["2027-03-01T09:00:00Z", "2027-03-01T09:00Z", "2027-03-01t10:00:00.000+01:00", "2027-02-28 23:00:00-10:00"]
)
def test_a_start_is_kept_as_an_instant(start: str) -> None:
    """However it is written, the same moment is the same start."""
    assert parse(start=start).start == datetime(2027, 3, 1, 9, tzinfo=UTC)
    assert parse(start=start).start.tzinfo is UTC


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ("2027-03-01T09:00:00", "needs its offset: end it with Z, or with one like +02:00"),
        (datetime(2027, 3, 1, 9), "needs its offset: end it with Z, or with one like +02:00"),  # noqa: DTZ001 - naive
        ("2027-01-01T12:00:00Z", "is in the past"),
        ("2026-03-01T09:00:00Z", "is in the past"),
        ("2027-02-30T09:00:00Z", "is not a time that exists"),
        ("2027-03-01T25:00:00Z", "is not a time that exists"),
        ("2027-03-01T09:00:60Z", "is not a time that exists"),
        ("2027-03-01T09:00:00+99:00", "is not a time that exists"),
        ("2027-03-01T09:00:00.5Z", "must be a whole second"),
        ("9999-12-31T23:59:59-12:00", "is later than the year 2099"),
        ("tomorrow", "must be an ISO 8601 time, as in 2027-03-01T09:00:00Z"),
        ("2027-03-01", "must be an ISO 8601 time, as in 2027-03-01T09:00:00Z"),
        ("٢٠٢٧-03-01T09:00:00Z", "must be an ISO 8601 time, as in 2027-03-01T09:00:00Z"),
        (1803891600, "must be an ISO 8601 time, as in 2027-03-01T09:00:00Z"),
        (None, "must be an ISO 8601 time, as in 2027-03-01T09:00:00Z"),
    ],
)
def test_a_start_that_is_not_an_instant_to_come_is_refused(start: Any, why: str) -> None:
    """Cal.com reads a time without offset as UTC: hours wrong, silently."""
    assert refusal("start", start=start) == why


@pytest.mark.parametrize(
    ("answer_by", "why"),
    [
        ("2027-03-01T09:00:01Z", "is later than the start"),
        ("2027-01-01T12:00:00Z", "is in the past"),
        ("2027-02-01T09:00:00", "needs its offset: end it with Z, or with one like +02:00"),
        ("soon", "must be an ISO 8601 time, as in 2027-03-01T09:00:00Z"),
    ],
)
def test_an_answer_is_wanted_between_now_and_the_start(answer_by: str, why: str) -> None:
    """At a moment with its offset; a part of a second is one, too."""
    assert refusal("answer_by", answer_by=answer_by) == why
    assert parse(answer_by="2027-03-01T10:00:00+01:00").answer_by == parse().start
    assert parse(answer_by="2027-01-01T12:00:00.5Z").values()["answer_by"] == NOW + timedelta(seconds=0.5)


BY_SLUG: dict[str, Any] = {"event_type_id": None, "event_type_slug": "cut"}


@pytest.mark.parametrize(
    "by", [{"username": "host1"}, {"team_slug": "studio"}, {"username": "a.b", "organization_slug": "o"}]
)
def test_an_event_type_may_be_named_by_slug_and_owner(by: dict[str, str]) -> None:
    """The other two ways that Cal.com knows."""
    assert parse(**BY_SLUG, **by).event_type_slug == "cut"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("event_type_id", {"event_type_id": None}),
        ("event_type_id", {"event_type_slug": "cut", "username": "host1"}),
        ("event_type_id", {"username": "host1"}),
        ("event_type_slug", BY_SLUG),
        ("event_type_slug", BY_SLUG | {"username": "host1", "team_slug": "studio"}),
        ("event_type_id", {"event_type_id": None, "username": "host1"}),
        ("username", BY_SLUG | {"username": "a/../b"}),
        ("event_type_slug", {"event_type_id": None, "event_type_slug": "", "username": "host1"}),
    ],
)
def test_exactly_one_event_type_is_named(field: str, wrong: dict[str, Any]) -> None:
    """Two names may name two types; none names nothing."""
    refusal(field, **wrong)


@pytest.mark.parametrize("wrong", ["101", True, 101.0, 0, -1, 2**31, [101]])
def test_an_event_type_id_is_a_whole_number_and_nothing_else(wrong: Any) -> None:
    """Cal.com refuses "101"; true is not 1."""
    refusal("event_type_id", event_type_id=wrong)


@pytest.mark.parametrize("wrong", [0, 1441, "30", True, 30.5])
def test_a_length_is_a_number_of_minutes_within_a_day(wrong: Any) -> None:
    """1 to 1440."""
    refusal("length_in_minutes", length_in_minutes=wrong)


@pytest.mark.parametrize("wrong", ["", " ", "a\nb", "a ", "\x00", "k" * 201, 7])
def test_an_idempotency_key_is_printable_and_short(wrong: Any) -> None:
    """It is shown in terminals and typed by operators."""
    refusal("idempotency_key", idempotency_key=wrong)


def test_an_idempotency_key_is_the_same_however_its_letters_are_composed() -> None:
    """The same key of two keyboards is one request, as a name is one name."""
    assert parse(idempotency_key="caf\u00e9").idempotency_key == "caf\u00e9"
    assert parse(idempotency_key="cafe\u0301").idempotency_key == "caf\u00e9"


@pytest.mark.parametrize("wrong", ["", "a b", "a\n", "ann@example.com", "c" * 101])
def test_a_correlation_id_is_a_plain_word(wrong: str) -> None:
    """It travels in headers, log lines and Cal.com's metadata."""
    refusal("correlation_id", correlation_id=wrong)


def test_an_unknown_field_is_named_and_cal_coms_spelling_is_translated() -> None:
    """A slip of the keyboard is found, and the right word is said."""
    assert refusal("eventTypeId", eventTypeId=101) == "is not a known field: write event_type_id"
    assert refusal("colour", colour="red") == "is not a known field"


def test_an_unknown_field_that_is_no_word_is_not_repeated() -> None:
    """A key may be somebody's address, or a megabyte."""
    assert refusal("?", **{"ann@example.com": 1}) == "is not a known field"


@pytest.mark.parametrize("data", [None, [], "text", 7, {}])
def test_anything_else_than_a_request_is_a_clear_error(data: Any) -> None:
    """No value of JSON breaks the parser."""
    with pytest.raises(CustomerValidationException) as refused:
        BookingRequest.parse(data, now=NOW)
    assert refused.value.validation_errors


def test_every_fault_is_told_at_once() -> None:
    """A caller corrects a line once, not five times."""
    with pytest.raises(CustomerValidationException) as refused:
        BookingRequest.parse({"event_type_id": "1", "attendee": {"name": "", "time_zone": "x"}}, now=NOW)
    assert set(refused.value.validation_errors) == {"event_type_id", "start", "attendee.name", "attendee.time_zone"}


@settings(deadline=None, derandomize=True)  # other work shares the machine
@given(
    st.dictionaries(
        st.sampled_from(sorted(BookingRequest.model_fields)), st.recursive(JSON_LEAVES, st.lists, max_leaves=20)
    )
)
def test_no_value_of_any_field_breaks_the_parser(data: dict[str, Any]) -> None:
    """A request is accepted, or refused with fields and reasons."""
    with pytest.raises(CustomerValidationException) as refused:
        BookingRequest.parse(data, now=NOW)
    assert all(field and why for field, why in refused.value.validation_errors.items())


def test_an_offset_of_seconds_is_still_the_same_instant() -> None:
    """Python callers may hand any aware datetime."""
    odd = datetime(2027, 3, 1, 9, 0, 30, tzinfo=timezone(timedelta(seconds=30)))
    assert parse(start=odd).start == datetime(2027, 3, 1, 9, tzinfo=UTC)

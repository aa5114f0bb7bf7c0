"""Guests, location, responses and metadata: what Cal.com would refuse or change is refused here."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_client.request.model import BookingRequest
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


def test_guests_are_addresses_each_once() -> None:
    """Normalised like the attendee's, at most 30, the bad one named by its place."""
    assert parse(guests=["B@example.com", "b@Example.com", "c@example.com"]).guests == [
        "b@example.com",
        "c@example.com",
    ]
    refusal("guests", guests=[f"g{number}@example.com" for number in range(31)])
    refusal("guests.1", guests=["b@example.com", "nope"])


@pytest.mark.parametrize(
    "location",
    [
        {"type": "address"},
        {"type": "link"},
        {"type": "phone"},
        {"type": "organizersDefaultApp"},
        {"type": "integration", "integration": "google-meet"},
        {"type": "attendeeAddress", "address": "1 Example Street"},
        {"type": "attendeePhone", "phone": "+12025550143"},
        {"type": "attendeeDefined", "location": "the blue house"},
    ],
    ids=lambda location: location["type"],
)
def test_each_kind_of_location_passes_as_cal_com_wants_it(location: dict[str, str]) -> None:
    """The eight kinds, posted as they are given."""
    assert parse(location=location).values()["location"] == location


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("location.type", {}),
        ("location.type", {"type": "moon"}),
        ("location.address", {"type": "attendeeAddress"}),
        ("location.address", {"type": "attendeeAddress", "address": " "}),
        ("location.phone", {"type": "attendeePhone", "phone": "12345"}),
        ("location.integration", {"type": "integration", "integration": "telegraph"}),
        ("location.phone", {"type": "phone", "phone": "+12025550143"}),
        ("location", "1 Example Street"),
    ],
)
def test_a_location_that_cal_com_would_refuse_is_refused(field: str, wrong: Any) -> None:
    """Unknown kinds, missing and unknown fields, and the old way of a bare string."""
    refusal(field, location=wrong)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("metadata.k", {"k": 1}),
        ("metadata.k", {"k": True}),
        ("metadata.k", {"k": None}),
        ("metadata.k", {"k": {"a": "b"}}),
        ("metadata.k", {"k": "v" * 501}),
        ("metadata.k", {"k": "\N{GRINNING FACE}" * 251}),  # JavaScript counts two for each
        ("metadata.k", {"k": "a\x00b"}),
        ("metadata.?", {"k" * 41: "v"}),
        ("metadata.?", {" ": "v"}),
        ("metadata.bookingWorkerRef", {"bookingWorkerRef": "v"}),
        ("metadata.bookingWorkerCorrelation", {"bookingWorkerCorrelation": "v"}),
        ("metadata", {f"k{number}": "v" for number in range(49)}),
        ("metadata", ["k"]),
    ],
)
def test_metadata_that_cal_com_would_refuse_or_that_is_ours_is_refused(field: str, wrong: Any) -> None:
    """Strings only, 40 and 500 characters as JavaScript counts, 48 keys, and two names that are ours."""
    refusal(field, metadata=wrong)


def test_metadata_passes_up_to_its_limits() -> None:
    """48 keys, 40 characters, 500 characters, empty values: all seen to be accepted (docs/calcom.md)."""
    metadata = {f"{number:040d}": "v" * 500 for number in range(47)} | {"empty": ""}
    assert parse(metadata=metadata).metadata == metadata


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": None},
        {"a": "\x00"},
        {"a": ["\ud800"]},
        {"a": {"\x00": 1}},
        {"a": float("nan")},
        {"a": 2**53},
        {"a": "x" * 17_000},
        {"a": [[[[[[1]]]]]]},
        {"a": {1: 2}},
        {"a": object()},
        [],
    ],
    ids=range(11),
)
def test_responses_that_would_not_arrive_as_given_are_refused(wrong: Any) -> None:
    """NUL, half surrogates, NaN, numbers that JavaScript rounds, and more than 16 KiB or 5 levels."""
    refusal("booking_fields_responses", booking_fields_responses=wrong)


@settings(deadline=None, derandomize=True)  # other work shares the machine
@given(
    st.dictionaries(
        st.text(),
        st.recursive(JSON_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20),
    )
)
def test_any_responses_are_kept_whole_or_refused(responses: dict[str, Any]) -> None:
    """There is no third way: nothing is dropped or changed, nothing breaks the parser."""
    refused: dict[str, Any] = {}
    try:
        kept = parse(booking_fields_responses=responses).booking_fields_responses
    except CustomerValidationException as error:
        refused, kept = error.validation_errors, responses
    assert kept == responses
    assert set(refused) <= {"booking_fields_responses"}

"""Any JSON is a booking request or is told why it is none; a request is the same however often it is read."""

import io
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from booking_client.request.idempotency import derive_key, payload_hash
from booking_client.request.model import BookingRequest
from resilience.exceptions import CustomerValidationException
from worker.cli.enqueue.json_lines import BadLine, GoodLine, read_requests

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
few = settings(max_examples=150, deadline=None, derandomize=True)

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=10
)
NAMES = st.text("abcäöß ł日本'.-", min_size=1, max_size=20)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30)
STARTS = st.datetimes(datetime(2027, 1, 2), datetime(2099, 1, 1)).map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}")  # noqa: DTZ001 - the offset is added
ATTENDEES = st.fixed_dictionaries(
    {"name": NAMES, "time_zone": st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia"])},
    optional={
        "email": st.sampled_from(["ann@example.com", "ANN+x@Example.COM", " bob@example.org "]),
        "phone_number": st.sampled_from(["+1 202 555 0143", "+12025550143", "+1 (202) 555-0199"]),
        "language": st.sampled_from(["de", "pt-BR", "en"]),
    },
)
# Nearly right: most are requests, and the rest fail for one reason.
REQUESTS = st.fixed_dictionaries(
    {
        "event_type_id": st.integers(1, 2**31 - 1),
        "start": st.builds(str.__add__, STARTS, st.sampled_from(["Z", "+02:00", "-11:30", ""])),
        "attendee": ATTENDEES,
    },
    optional={
        "length_in_minutes": st.integers(0, 1441),
        "guests": st.lists(st.sampled_from(["eve@example.com", "EVE@example.com", "bob@example.org"]), max_size=3),
        "metadata": st.dictionaries(WORDS, WORDS, max_size=3),
        "booking_fields_responses": st.dictionaries(WORDS, JSON, max_size=3),
        "idempotency_key": WORDS,
        "correlation_id": st.text("abc-09 ", max_size=8),
    },
)


def read(data: Any) -> BookingRequest | None:
    """Return the request; None when it is refused as a request should be."""
    try:
        return BookingRequest.parse(data, now=NOW)
    except CustomerValidationException as refused:
        errors = refused.validation_errors
    assert errors
    assert all(field.isprintable() and why for field, why in errors.items())
    return None


@few
@given(JSON)
def test_no_json_breaks_the_parser(data: Any) -> None:
    """It is told what is wrong, in one kind of error."""
    assert read(data) is None


@few
@given(REQUESTS)
def test_a_request_is_the_same_however_often_it_is_read(data: dict[str, Any]) -> None:
    """What was normalised stays as it is, and so do its keys: a caller who sends it again gets his receipt again."""
    once = read(data)
    if once is None:
        return
    again = read(json.loads(once.model_dump_json(exclude_none=True)))

    assert again == once
    assert (derive_key(again), payload_hash(again)) == (derive_key(once), payload_hash(once))
    json.dumps(once.values(), default=str, allow_nan=False).encode()


@few
@given(st.lists(REQUESTS | JSON, min_size=1, max_size=4), st.binary(max_size=40), st.sampled_from(["utf-8", "utf-16"]))
def test_any_bytes_are_lines_of_requests_or_of_problems(values: list[Any], noise: bytes, encoding: str) -> None:
    """One answer a line that is not blank; never more than one, never an exception."""
    text = "\n".join(json.dumps(value) for value in values)
    stream = io.BytesIO(text.encode(encoding) + b"\n" + noise)

    lines = list(read_requests(stream, now=NOW))

    assert all(isinstance(line, GoodLine) or (isinstance(line, BadLine) and line.problems) for line in lines)
    assert [line.number for line in lines] == sorted({line.number for line in lines})

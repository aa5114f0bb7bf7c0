"""What may reach a log: evidence, but no person and no secret."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from booking_client.redaction import MASK, MAX_TEXT, redact, scrub

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "secret",
    [
        "ann+tag@example.test",
        "+12025550143",
        "+1 (202) 555-0143",
        "cal_live_0123abcdef",
        "Bearer abc.def.ghi",
        "s3cret",
    ],
)
def test_a_text_loses_what_names_a_person_or_opens_a_door(secret: str) -> None:
    """An error message of somebody else may hold anything."""
    text = f"could not book for {secret}, sorry" if secret != "s3cret" else "postgresql://app:s3cret@db.example.com/x"
    scrubbed = scrub(text)
    assert secret not in scrubbed
    assert MASK in scrubbed


def test_a_text_keeps_what_an_operator_needs() -> None:
    """Times, statuses and ids are not people."""
    text = "503 at 2027-03-01T09:00:00+01:00 for booking 17 (event type 101), try 2 of 3"
    assert scrub(text) == text


@settings(deadline=None, derandomize=True)
@example("cal_live0123abcdef")
@given(st.lists(st.sampled_from([*"aZ09_.:-+@%=/", "cal_", "Bearer", "email", "+1202555", "%40"])).map("".join))
def test_what_looks_harmless_is_what_the_search_lets_through(text: str) -> None:
    """An id or a number is not searched; with a blank behind it it is."""
    assert scrub(text) + " " == scrub(f"{text} ")


def test_control_characters_cannot_forge_a_log_line() -> None:
    """A line break in Cal.com's message makes no second line."""
    assert scrub("one\r\ntwo\x1b[31m\x00") == "one two [31m "


@pytest.mark.parametrize("text", ["a" * 1_000_000, "a@" * 500_000, "//" * 500_000, "+1" * 500_000])
def test_a_huge_text_costs_little(text: str) -> None:
    """A long message does not stop a worker: its end is not looked at, whatever stands there.

    benchmarks/bounds/costs.py measures that a million characters cost what a few thousand do.
    """
    assert len(scrub(text)) <= MAX_TEXT
    assert scrub(text) == scrub(text[:5000] + " pat@example.com" * 1000)


@pytest.mark.parametrize(
    "key", ["api_key", "Authorization", "attendee_email", "phone_number", "name", "webhook_secret", "guests", "token"]
)
def test_a_sensitive_key_is_masked_however_deep(key: str) -> None:
    """A key that names a person or a secret keeps its place and loses its value."""
    assert redact({"call": [{key: "x"}]}) == {"call": [{key: MASK}]}


@settings(deadline=None, derandomize=True)  # other work shares the machine
@given(st.dictionaries(st.text(), json_values))
def test_whatever_goes_in_a_bounded_json_object_comes_out(data: dict[str, object]) -> None:
    """A log line never fails on its context."""
    json.dumps(redact(data)).encode()


def test_a_wide_context_is_cut() -> None:
    """A log line has a bounded size."""
    assert redact({f"k{n}": n for n in range(80)})["…"] == "30 more"

"""Cal.com's words are made safe before they are kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_client.redaction import MAX_TEXT
from tasks.calcom.sanitize import safe


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Event type with id 1234567 not found.", "Event type with id 1234567 not found."),
        ("start 2026-12-07T09:00:00Z is past", "start 2026-12-07T09:00:00Z is past"),
        ("Slot of 2026-12-07 09 is gone", "Slot of 2026-12-07 09 is gone"),
        ("ann+tag@example.com can't book", "[e-mail] can't book"),
        ("?attendeeEmail=ann%40example.com refused", "[e-mail] refused"),
        ("call +1 202 555 0143 instead", "call [number] instead"),
        ("call (+12025550143)", "call ([number])"),
        ("call 2025550143", "call [number]"),
        ("two\nlines\x00and\ta\u2028tab", "two lines and a tab"),
        ("half a pair \ud800", "half a pair"),
        (None, ""),
        (["a list"], ""),
    ],
)
def test_words_lose_addresses_numbers_and_control_characters(text: object, kept: str) -> None:
    """Ids and dates are evidence and stay."""
    assert safe(text) == kept


HALF = ("b" * 184 + "@example.com ") * 10  # 1,970 characters that are masked into 90
LONG = ["x" * 1_000_000, "a@b.example " * 100_000, "ann@example.com" * 1000, "9" * 100_000]


@pytest.mark.parametrize("text", [*LONG, HALF + "x" * 26 + " ann@example.com"])
def test_a_megabyte_is_cut_and_leaks_no_half_address(text: str) -> None:
    """What is cut is cut before and after masking, between words."""
    kept = safe(text)

    assert len(kept) <= MAX_TEXT
    assert "ann" not in kept.replace("[e-mail]", "")


@settings(deadline=None, derandomize=True)
@given(st.text(st.characters()))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    """Whatever Cal.com sends can be stored, shown and logged."""
    kept = safe(text)

    assert kept.isprintable()
    assert "@" not in kept

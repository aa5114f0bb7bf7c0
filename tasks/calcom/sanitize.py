"""Make a message of Cal.com's safe to store and log: it may repeat what the caller sent."""

import re

from booking_client.redaction import MAX_SEARCHED, MAX_TEXT

_NUMBER = re.compile(r"(?<![\w.])\+?\d[\d ()/.-]{5,}\d(?!\w)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def safe(text: object) -> str:
    """Return `text` as one line of at most 500 characters, e-mail addresses and phone numbers masked.

    Anything else than a string gives an empty string.
    """
    if not isinstance(text, str):
        return ""
    head = text[:MAX_SEARCHED]  # a bound for the search: a hostile server may send a megabyte
    visible = "".join(char if char.isprintable() else " " for char in head)
    words = visible.split()
    if len(text) > MAX_SEARCHED and len(words) > 1:
        words.pop()  # the last word may be half an address
    masked = " ".join("[e-mail]" if "@" in word or "%40" in word else word for word in words)
    masked = _NUMBER.sub(_mask, masked)
    return masked if len(masked) <= MAX_TEXT else masked[: MAX_TEXT - 1] + "…"


def _mask(found: re.Match[str]) -> str:
    """Mask a number as long as a phone number; ids (up to eight digits) and dates stay, as evidence."""
    text = found.group()
    digits = sum(char.isdigit() for char in text)
    if digits < (7 if text.startswith("+") else 9) or _DATE.match(text):
        return text
    return "[number]"

"""Take personal data and secrets out of what goes to a log or an event row, and bound its size."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
MAX_TEXT = 500  # characters
MAX_ITEMS = 50
MAX_DEPTH = 4
_SEARCHED = 2000  # characters of a text that are looked at: a long one must not cost a long search

# A key that contains one of these words names a person or opens a door.
_SENSITIVE = re.compile(
    r"key|token|secret|passw|authoriz|cookie|credential|signature|e_?mail|phone|name|attendee|guest|address|location",
    re.IGNORECASE,
)
_IN_TEXT = (
    (re.compile(r"//[^/\s@]+@"), f"//{MASK}@"),  # user and password inside a URL
    # An e-mail address, of the lengths that RFC 5321 allows.
    (re.compile(r"[^\s@<>\"(){}\[\],;:=/]{1,64}@[^\s@<>\"'(){}\[\],;:=/]{1,255}"), MASK),
    (re.compile(r"\bcal_[A-Za-z0-9_]+"), MASK),  # a Cal.com API key
    (re.compile(r"\b(Bearer|Basic)\s+\S+", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\+\d(?:[ ().-]{0,2}\d){6,14}"), MASK),  # a phone number as people write it
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def scrub(text: str) -> str:
    """Return `text` without addresses, numbers, keys and control characters, at most 500 characters long."""
    kept = _CONTROL.sub(" ", text[:_SEARCHED])
    for pattern, instead in _IN_TEXT:
        kept = pattern.sub(instead, kept)
    return kept if len(kept) <= MAX_TEXT and len(text) <= _SEARCHED else kept[: MAX_TEXT - 1] + "…"


def redact(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `data` that may be logged: made of JSON's types, sensitive keys masked, bounded in size."""
    return _mapping(data, MAX_DEPTH)


def _mapping(data: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for key, value in data.items():
        if len(clean) == MAX_ITEMS:
            clean["…"] = f"{len(data) - MAX_ITEMS} more"
            break
        name = scrub(str(key))
        clean[name] = MASK if _SENSITIVE.search(name) and value is not None else _value(value, depth - 1)
    return clean


def _value(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return scrub(value)
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(item, depth - 1) for item in list(value)[:MAX_ITEMS]]
    return scrub(str(value))

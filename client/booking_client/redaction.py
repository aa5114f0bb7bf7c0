"""Remove personal data and secrets from logs, event rows and reports, and bound their size."""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

MASK = "***"
MAX_TEXT = 500  # characters
MAX_ITEMS = 50
MAX_DEPTH = 4
MAX_SEARCHED = 4 * MAX_TEXT  # characters of a text that are searched: a long text must not cost a long search
_SHORT_KEY = 100  # characters; what is longer is not kept in memory
_CONTEXT_ITEMS, _CONTEXT_TEXT = 10, 100  # entries of a report's context, and characters of each

# The value of a key that contains one of these words is personal or secret.
_SENSITIVE = re.compile(
    r"key|token|secret|passw|authoriz|cookie|credential|signature|e_?mail|phone|name|attendee|guest|address|location",
    re.IGNORECASE,
)
_IN_TEXT = (
    (re.compile(r"//[^/\s@]+@"), f"//{MASK}@"),  # user and password inside a URL
    # An e-mail address, of the lengths that RFC 5321 allows.
    (re.compile(r"[^\s@<>\"(){}\[\],;:=/]{1,64}@[^\s@<>\"'(){}\[\],;:=/]{1,255}"), MASK),
    (re.compile(r"((?:e_?mail|phone|attendee)\w*=)[^&\s'\"]+", re.IGNORECASE), rf"\1{MASK}"),  # in a URL's query
    (
        re.compile(r"[\w.%+-]{1,192}%40[\w.%-]{1,255}"),
        MASK,
    ),  # an e-mail address inside a URL
    (re.compile(r"\b(?:cal|bw)_[A-Za-z0-9_]+"), MASK),  # an API key, Cal.com's or ours
    (re.compile(r"\b(Bearer|Basic)\s+\S+", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\+\d(?:[ ().-]{0,2}\d){6,14}"), MASK),  # a phone number as people write it
)
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{0,100}")  # an id, a word, a number; the only secret that matches is an API key
_REASON = re.compile(r"[a-z0-9_.]{1,40}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def scrub(text: str) -> str:
    """Return `text` without addresses, numbers, keys and control characters, at most 500 characters long."""
    if _PLAIN.fullmatch(text) and "cal_" not in text and "bw_" not in text:
        return text
    kept = _CONTROL.sub(" ", text[:MAX_SEARCHED])
    for pattern, instead in _IN_TEXT:
        kept = pattern.sub(instead, kept)
    return kept if len(kept) <= MAX_TEXT and len(text) <= MAX_SEARCHED else kept[: MAX_TEXT - 1] + "…"


def redact(data: Mapping[str, Any], text: Callable[[str], str] = scrub) -> dict[str, Any]:
    """Return a copy of `data` that may be logged: JSON types only, sensitive keys masked, bounded in size.

    `text` is applied to each string in the copy.
    """
    return _mapping(data, MAX_DEPTH, text)


def bounded_context(context: Mapping[str, str | int | float | None] | None) -> str:
    """Return a report's context as JSON of bounded length; '': there is no context."""
    if not context:
        return ""
    kept = {name[:_CONTEXT_TEXT]: value for name, value in list(context.items())[:_CONTEXT_ITEMS]}
    return json.dumps(redact(kept, lambda text: scrub(text)[:_CONTEXT_TEXT]))


def error_token(reason: str) -> str:
    """Return `reason` if it matches `[a-z0-9_.]{1,40}` and is not "none", else "other"."""
    return reason if _REASON.fullmatch(reason) and reason != "none" else "other"


def _mapping(data: Mapping[Any, Any], depth: int, text: Callable[[str], str]) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for key, value in data.items():
        if len(clean) == MAX_ITEMS:
            clean["…"] = f"{len(data) - MAX_ITEMS} more"
            break
        name, sensitive = (_known_key if len(str(key)) <= _SHORT_KEY else _key)(str(key))
        clean[name] = MASK if sensitive and value is not None else _value(value, depth - 1, text)
    return clean


def _key(key: str) -> tuple[str, bool]:
    """Return a key that may be logged, and whether its value is personal or secret."""
    name = scrub(key)
    return name, _SENSITIVE.search(name) is not None


_known_key = lru_cache(maxsize=512)(_key)  # keys are names in our code, nearly all


def _value(value: Any, depth: int, text: Callable[[str], str]) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text(value)
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return _mapping(value, depth, text)
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(item, depth - 1, text) for item in list(value)[:MAX_ITEMS]]
    return text(str(value))

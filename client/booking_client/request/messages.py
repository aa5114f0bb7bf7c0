"""The problems of a request, written for a person: the field, and why. The refused value is never repeated."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

MAX_PROBLEMS = 20  # more would not help the caller
FIELD_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,39}"
_CAMEL = r"(?<=[a-z])(?=[A-Z])"

# pydantic's error types, and the text for each; `{name}` is taken from the error's context.
_MESSAGES: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "literal_error": "is not a conferencing app that Cal.com knows, as in zoom or google-meet",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
    "string_pattern_mismatch": "must be letters, digits and . _ : - only, 100 at most",
    "int_parsing_size": "is too large a number",
    "string_unicode": "must be text in UTF-8",
    "event_type": "{why}",  # our own, see booking_client/request/model.py
}


class Problem(NamedTuple):
    """Hold what is wrong with one field; `field` is dotted, as in `attendee.email`."""

    field: str
    why: str


def problems(error: ValidationError) -> list[Problem]:
    """Return the problems in `error`, in the order of the fields, each once."""
    found = dict.fromkeys(_problem(details) for details in error.errors(include_url=False, include_input=False))
    return list(found)[:MAX_PROBLEMS]


def _problem(details: Any) -> Problem:
    kind, context = details["type"], details.get("ctx", {})
    field = context.get("field") or _field(details["loc"])
    if kind == "value_error":
        return Problem(field, str(context["error"]))
    if kind == "extra_forbidden":
        return Problem(field, _unknown(str(details["loc"][-1])))
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        field = f"{field}.type"
    # Never pydantic's own message: it may repeat the value.
    return Problem(field, _MESSAGES.get(kind, "is not valid").format_map(context))


def _field(loc: tuple[int | str, ...]) -> str:
    # pydantic adds the tag of a union and "[key]" to the location: the caller knows neither.
    parts = [str(part) for part in loc if part != "[key]"]
    if len(parts) > 1 and parts[0] == "location":
        del parts[1]
    return ".".join(part if _named(part) else "?" for part in parts) or "request"


def _named(part: str) -> bool:
    return part.isascii() and (part.isdigit() or re.fullmatch(FIELD_NAME, part) is not None)


def _unknown(name: str) -> str:
    snake_case = re.sub(_CAMEL, "_", name).lower()
    similar = snake_case != name and _named(snake_case)
    return f"is not a known field: write {snake_case}" if similar else "is not a known field"

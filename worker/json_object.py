"""Read one object of JSON from any bytes, as strictly as a booking needs it: nothing in it has two meanings."""

import json
import math
import re
from typing import Any

from booking_client.request.messages import FIELD_NAME

MAX_DEPTH = 64  # objects and lists in one another


class UnreadableError(Exception):
    """Report why bytes are no object of JSON; `not_utf8`: they are no text either."""

    def __init__(self, why: str, *, not_utf8: bool = False) -> None:
        super().__init__(why)
        self.not_utf8 = not_utf8


def read_object(data: bytes) -> dict[str, Any]:
    """Return the object that `data` is.

    Raises:
        UnreadableError: It is none; the message never repeats a value.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 (byte {error.start + 1})", not_utf8=True) from None
    try:
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
        )
    except json.JSONDecodeError as error:
        raise UnreadableError(f"is not JSON (column {error.colno}: {error.msg})") from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(value, dict):
        raise UnreadableError("must be a JSON object, as in {...}")
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _too_deep()
    return value


def _too_deep() -> UnreadableError:
    return UnreadableError("is not JSON that can be read: nested too deeply")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inside = [one.values() if isinstance(one, dict) else one for one in level]
        level = [part for parts in inside for part in parts if isinstance(part, dict | list)]
    return depth


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:  # the caller may mean either value
            raise UnreadableError(f"has the key {key} twice" if re.fullmatch(FIELD_NAME, key) else "has a key twice")
        data[key] = value
    return data


def _no_constant(word: str) -> Any:
    raise UnreadableError(f"is not JSON: {word} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UnreadableError("holds a number that is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > 20:  # digits: more than any field takes, and int() of thousands is slow
        raise UnreadableError("holds a number that is too large")
    return int(text)

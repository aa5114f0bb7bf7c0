"""Read booking requests from JSON lines, one at a time and in bounded memory, from any bytes."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import ValidationError

from booking_client.request.messages import FIELD_NAME, Problem, problems
from booking_client.request.model import BookingRequest

MAX_LINE = 64 * 1024  # bytes, without the line's end
_BOM = b"\xef\xbb\xbf"


class LineReader(Protocol):
    """Describe the one method that a binary file, or standard input, must have."""

    def readline(self, limit: int, /) -> bytes:
        """Return the next line, or at most `limit` bytes of it; b"": the end is reached."""


@dataclass(frozen=True, slots=True)
class GoodLine:
    """Hold a line's request; `number` counts from 1."""

    number: int
    request: BookingRequest


@dataclass(frozen=True, slots=True)
class BadLine:
    """Hold what is wrong with a line; `number` counts from 1."""

    number: int
    problems: tuple[Problem, ...]


class _UnreadableLineError(Exception):
    """Report why a line is no JSON object; this exception never leaves the module."""


def read_requests(stream: LineReader, *, now: datetime | None = None) -> Iterator[GoodLine | BadLine]:
    """Yield each line's request, or what is wrong with it; blank lines are skipped, and blank input is a BadLine.

    At most 64 KiB of a line are in memory. A start before `now` is refused (None: this machine's clock, read for each
    line, because standard input may stay open for hours).
    """
    empty = True
    for number, line in _lines(stream):
        if line is None or line.strip():
            empty = False
            yield _read(number, line, now)
    if empty:
        yield BadLine(1, (Problem("file", "holds no booking request"),))


def _read(number: int, line: bytes | None, now: datetime | None) -> GoodLine | BadLine:
    try:
        return GoodLine(number, BookingRequest.model_validate(_object(line), context={"now": now}))
    except _UnreadableLineError as error:
        return BadLine(number, (Problem("line", str(error)),))
    except ValidationError as error:
        return BadLine(number, tuple(problems(error)))


def _lines(stream: LineReader) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number and the bytes of each line, None for a line that is too long: its rest is skipped."""
    number, limit = 0, MAX_LINE + len(b"\r\n")
    while piece := stream.readline(limit):
        number += 1
        line = piece.removesuffix(b"\n").removesuffix(b"\r")
        while len(piece) == limit and not piece.endswith(b"\n"):
            piece = stream.readline(limit)
        if number == 1:
            line = line.removeprefix(_BOM)
        yield number, None if len(line) > MAX_LINE else line


def _object(line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise _UnreadableLineError(f"is longer than {MAX_LINE // 1024} KiB")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _UnreadableLineError(f"is not UTF-8 (byte {error.start + 1})") from None
    try:
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
        )
    except json.JSONDecodeError as error:
        raise _UnreadableLineError(f"is not JSON (column {error.colno}: {error.msg})") from None
    except RecursionError:
        raise _UnreadableLineError("is not JSON that can be read: nested too deeply") from None
    if not isinstance(value, dict):
        raise _UnreadableLineError("must be a JSON object, as in {...}")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:  # the caller may mean either value
            raise _UnreadableLineError(
                f"has the key {key} twice" if re.fullmatch(FIELD_NAME, key) else "has a key twice"
            )
        data[key] = value
    return data


def _no_constant(word: str) -> Any:
    raise _UnreadableLineError(f"is not JSON: {word} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _UnreadableLineError("holds a number that is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > 20:  # digits: more than any field takes, and int() of thousands is slow
        raise _UnreadableLineError("holds a number that is too large")
    return int(text)

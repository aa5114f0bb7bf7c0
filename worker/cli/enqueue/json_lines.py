"""Read booking requests from JSON lines, one at a time and in bounded memory, from any bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import ValidationError

from booking_client.request.messages import Problem, problems
from booking_client.request.model import BookingRequest
from worker.json_object import UnreadableError, read_object

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
    if line is None:
        return BadLine(number, (Problem("line", f"is longer than {MAX_LINE // 1024} KiB"),))
    try:
        return GoodLine(number, BookingRequest.model_validate(read_object(line), context={"now": now}))
    except UnreadableError as error:
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

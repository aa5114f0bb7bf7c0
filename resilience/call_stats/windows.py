"""Read the calls of each window from Redis (lua/lib/call_stats.lua), for the rows of the database."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from resilience.call_stats.buckets import ResponseTimes

WHOLE_FROM, LACKS = "whole_from", "lacks/"
KEPT = 1440
"""Windows that Redis keeps: those of a day."""
WITHOUT_ENDPOINT = "any"
"""The endpoint of calls that name no endpoint."""
_ENDPOINT = re.compile(r"\d+/([^/]+)")


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of one type in one window."""

    error: str
    severities: tuple[int, int, int]
    """How many failures were low, medium, critical."""
    first_at: datetime
    last_at: datetime
    context: Mapping[str, Any]
    """The context of the last failure that had one."""


@dataclass(frozen=True, slots=True)
class Window:
    """The calls to one endpoint in one window that is over."""

    endpoint: str
    start: datetime
    end: datetime
    calls: int
    failures: int
    average_ms: float
    longest_ms: int
    errors: tuple[Failures, ...]
    times: ResponseTimes
    at_least: bool = False
    """Whether calls of the window may be missing here."""

    @property
    def buckets(self) -> tuple[int, ...]:
        """The number of calls in each bucket of `buckets.BOUNDS`, and in the bucket beyond them."""
        return self.times.counts


def closed_windows(
    fields: Mapping[str, str], now: int, *, size: int, known_until: int | None = None
) -> Iterator[Window]:
    """Return the windows that are over at `now`, and one without calls for each that lacks some; times are in ms.

    `known_until`: what was counted until then has been read; what Redis lost after that is not known.
    """
    whole_from = int(fields.get(WHOLE_FROM, 0))
    lacking = {int(start) for field, start in fields.items() if field.startswith(LACKS)}
    if known_until is not None:
        lacking |= set(range(known_until - known_until % size, whole_from, size))
    lacking = {start for start in lacking if now - KEPT * size < start <= now - size}
    for field, value in fields.items():
        named = _ENDPOINT.fullmatch(field)
        if named is None:
            continue
        start, length, calls, total, longest, failures, errors = value.split(" ", 6)
        begun, over = int(start), int(start) + int(length)
        if over <= now:
            yield Window(
                endpoint=named[1],
                start=_moment(begun),
                end=_moment(over),
                calls=int(calls),
                failures=int(failures),
                average_ms=int(total) / int(calls),
                longest_ms=int(longest),
                errors=tuple(_failures(word, fields[f"{field}/{word}"]) for word in filter(None, errors.split(","))),
                times=ResponseTimes.parse(*fields[f"{field}/times"].split(" ")[2:]),
                at_least=begun < whole_from or begun in lacking,
            )
    nothing = ResponseTimes.parse("0", "")
    for at in sorted(lacking):
        yield Window(WITHOUT_ENDPOINT, _moment(at), _moment(at + size), 0, 0, 0.0, 0, (), nothing, at_least=True)


def _failures(error: str, value: str) -> Failures:
    low, medium, critical, first, last, context = value.split(" ", 5)
    severities = int(low), int(medium), int(critical)
    return Failures(error, severities, _moment(int(first)), _moment(int(last)), json.loads(context or "{}"))


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)

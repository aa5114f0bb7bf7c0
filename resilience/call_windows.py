"""The calls of each window, for a lasting record: what `lua/windows.lua` keeps, once more without Redis, and read."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

WINDOWS = 1440
"""So many windows are kept for an aggregation that comes late."""
WHOLE_FROM = "whole_from"
_ENDPOINT = re.compile(r"\d+/([^/]+)")


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of one type in one window."""

    error: str
    severities: tuple[int, int, int]
    """How many were low, medium, critical."""
    first_at: datetime
    last_at: datetime
    context: Mapping[str, Any]
    """Of the last one that had any."""


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


class CallWindows:
    """Count calls, window by window; the fields are those of the Redis hash."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def book(  # noqa: PLR0913 - one report
        self, name: str, error: str, severity: int, calls: int, total: int, longest: int, *,
        context: str, size: int, now: int,
    ) -> None:  # fmt: skip
        """Add calls of one endpoint; severity 0: they went well. Times in ms."""
        start = now - now % size
        field = f"{start // size % WINDOWS}/{name}"
        begun, length, n, took, most, failures, errors = [*self.fields.get(field, "0 0 0 0 0 0 ").split(" ", 6)]
        if (int(begun), int(length)) != (start, size):
            for word in filter(None, errors.split(",")):
                self.fields.pop(f"{field}/{word}", None)
            n = took = most = failures = "0"
            errors = ""
        if severity:
            failures = str(int(failures) + calls)
            self._fail(f"{field}/{error}", severity, calls, context, now)
            errors += "" if error in errors.split(",") else f"{error},"
        new = (start, size, int(n) + calls, int(took) + total, max(int(most), longest), failures, errors)
        self.fields[field] = " ".join(str(part) for part in new)

    def drop(self, written: int) -> None:
        """Drop the windows that ended until `written`, in ms: they are written down."""
        for field, value in list(self.fields.items()):
            if not _ENDPOINT.fullmatch(field):
                continue
            start, size, *_, errors = value.split(" ", 6)
            if int(start) + int(size) <= written:
                for name in (field, *(f"{field}/{word}" for word in errors.split(","))):
                    self.fields.pop(name, None)

    def _fail(self, field: str, severity: int, calls: int, context: str, now: int) -> None:
        low, medium, critical, first, _, before = self.fields.get(field, f"0 0 0 {now} 0 ").split(" ", 5)
        bad = [int(low), int(medium), int(critical)]
        bad[severity - 1] += calls
        self.fields[field] = " ".join(str(part) for part in (*bad, first, now, context or before))


def finished(fields: Mapping[str, str], now: int) -> Iterator[Window]:
    """Read the windows that are over at `now`, in ms, and lack no call."""
    whole_from = int(fields.get(WHOLE_FROM, 0))
    for field, value in fields.items():
        named = _ENDPOINT.fullmatch(field)
        if named is None:
            continue
        start, size, calls, total, longest, failures, errors = value.split(" ", 6)
        begun, over = int(start), int(start) + int(size)
        if whole_from <= begun and over <= now:
            yield Window(
                endpoint=named[1],
                start=_moment(begun),
                end=_moment(over),
                calls=int(calls),
                failures=int(failures),
                average_ms=int(total) / int(calls),
                longest_ms=int(longest),
                errors=tuple(_failures(word, fields[f"{field}/{word}"]) for word in filter(None, errors.split(","))),
            )


def _failures(error: str, value: str) -> Failures:
    low, medium, critical, first, last, context = value.split(" ", 5)
    severities = int(low), int(medium), int(critical)
    return Failures(error, severities, _moment(int(first)), _moment(int(last)), json.loads(context or "{}"))


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)

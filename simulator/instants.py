"""Read and write points in time as JavaScript's Date does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ISO_8601 = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)?)?"
)


@dataclass(frozen=True)
class Clock:
    """Two clocks: `monotonic` in seconds for what lasts, `now` in UTC for what is said."""

    monotonic: Callable[[], float]
    now: Callable[[], datetime]


def stamp(moment: datetime) -> str:
    """Write an instant with milliseconds and Z: 2026-12-07T09:00:00.000Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse(text: object) -> datetime | None:
    """Read ISO 8601; without a zone it is UTC (seen). None when it is none."""
    if not isinstance(text, str) or not ISO_8601.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return None
    if not 1900 < moment.year < 9000:
        return None  # ours: no booking reaches the ends of the calendar
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

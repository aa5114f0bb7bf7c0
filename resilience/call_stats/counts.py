"""The calls of the last five minutes: what lua/lib/call_stats.lua keeps, and once more for a process without Redis."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self

SECONDS = 300
"""So many seconds are kept, the present one included."""
RECENT = 60
"""So many of them are recent."""
LATELY = 10
"""So many of them are just now."""
_LAST = "last"


@dataclass(frozen=True, slots=True)
class Figures:
    """The calls of the last `SECONDS` seconds."""

    calls: int
    failures: int
    recent: int
    """Failures of the last `RECENT` seconds."""
    lately: int
    """Calls of the last `LATELY` seconds."""
    severities: tuple[int, int, int]
    """Failures that were low, medium, critical."""
    average_ms: float
    longest_ms: int
    first_failure_at: datetime | None
    """The first one still counted, to the second."""
    last_failure_at: datetime | None
    """However long ago, unless it was forgotten."""
    last_call_at: datetime | None
    """The newest one's report, to the second."""
    last_average_ms: float | None
    """Of the calls of that second."""


class _Second(NamedTuple):
    """The calls of one endpoint in one second, as a field of the Redis hash has them; times in ms."""

    second: int
    calls: int = 0
    total: int = 0
    longest: int = 0
    low: int = 0
    medium: int = 0
    critical: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(*map(int, text.split()))

    @property
    def severities(self) -> tuple[int, int, int]:
        return self.low, self.medium, self.critical

    def __str__(self) -> str:
        return " ".join(map(str, self))


class CallCounts:
    """Count calls, second by second; the fields are those of the Redis hash."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def count(self, name: str, severity: int, calls: int, total: int, longest: int, now: int) -> None:
        """Add calls of one endpoint; severity 0: they went well. Times in ms."""
        second = now // 1000
        field = f"{second % SECONDS}/{name}"
        old = _Second.parse(self.fields[field]) if field in self.fields else _Second(second)
        if old.second != second:
            old = _Second(second)
        low, medium, critical = (
            known + (calls if level == severity else 0) for level, known in enumerate(old.severities, start=1)
        )
        longest = max(old.longest, longest)
        self.fields[field] = str(_Second(second, old.calls + calls, old.total + total, longest, low, medium, critical))
        if severity:
            self.fields[f"{_LAST}/{name}"] = str(now)


def endpoints(fields: Iterable[str]) -> list[str]:
    """Name the endpoints of which something is counted, in their order."""
    return sorted({field.partition("/")[2] for field in fields})


def figures(fields: Mapping[str, str], now: int, endpoint: str | None = None) -> Figures:
    """Read the fields at `now` in ms: of one endpoint, or of all together."""
    calls = total = longest = recent = lately = first = last = 0
    severities, newest = [0, 0, 0], _Second(0)
    for field, value in fields.items():
        slot, _, name = field.partition("/")
        if endpoint is not None and name != endpoint:
            continue
        if slot == _LAST:
            last = max(last, int(value))
            continue
        seen = _Second.parse(value)
        age = now // 1000 - seen.second
        if not 0 <= age < SECONDS:
            continue
        calls, total, longest = calls + seen.calls, total + seen.total, max(longest, seen.longest)
        severities = [known + new for known, new in zip(severities, seen.severities, strict=True)]
        recent += sum(seen.severities) if age < RECENT else 0
        lately += seen.calls if age < LATELY else 0
        if seen.second > newest.second:
            newest = seen
        elif seen.second == newest.second:  # another endpoint's
            newest = _Second(seen.second, newest.calls + seen.calls, newest.total + seen.total)
        if any(seen.severities):
            first = min(first or seen.second, seen.second)
    return Figures(
        calls=calls,
        failures=sum(severities),
        recent=recent,
        lately=lately,
        severities=(severities[0], severities[1], severities[2]),
        average_ms=total / calls if calls else 0.0,
        longest_ms=longest,
        first_failure_at=datetime.fromtimestamp(first, tz=UTC) if first else None,
        last_failure_at=datetime.fromtimestamp(last / 1000, tz=UTC) if last else None,
        last_call_at=datetime.fromtimestamp(newest.second, tz=UTC) if newest.calls else None,
        last_average_ms=newest.total / newest.calls if newest.calls else None,
    )

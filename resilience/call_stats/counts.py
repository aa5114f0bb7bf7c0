"""The calls of the last five minutes: read from Redis (lua/lib/call_stats.lua), or counted here without Redis."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self

from resilience.error_types import Severity

SECONDS = 300
"""How many seconds are kept, including the present second."""
RECENT = 60
"""How many of these seconds count as recent."""
LATELY = 10
"""How many of these seconds count as just now."""
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
    """The number of failures of low, medium and critical severity."""
    average_ms: float
    longest_ms: int
    first_failure_at: datetime | None
    """The first failure that is still counted, in whole seconds."""
    last_failure_at: datetime | None
    """The last failure, even if it is too old to be counted."""
    last_call_at: datetime | None
    """When the newest call was recorded, to the second."""
    last_average_ms: float | None
    """How long the calls of the second `last_call_at` took on average."""

    @property
    def total(self) -> int:
        """Return the number of failures."""
        return self.failures

    @property
    def rate(self) -> float:
        """Return the share of the calls that failed, 0.0 to 1.0."""
        return self.failures / self.calls if self.calls else 0.0

    @property
    def severity_distribution(self) -> dict[str, int]:
        """Return the failures by the name of their severity."""
        return {level.name.lower(): count for level, count in zip(Severity, self.severities, strict=True)}


class _Second(NamedTuple):
    """One endpoint's calls of one second, which are one field of the Redis hash; times in ms."""

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
    """Count calls by second, in the same fields as the Redis hash."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def count(self, name: str, severity: int, calls: int, total: int, longest: int, now: int) -> None:
        """Add calls of one endpoint; severity 0: the calls succeeded. Times are in ms."""
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
    """Return the names of the counted endpoints, sorted."""
    return sorted({field.partition("/")[2] for field in fields})


def figures(fields: Mapping[str, str], now: int, endpoint: str | None = None) -> Figures:
    """Return the figures at `now` (ms) of one endpoint, or of all together."""
    calls = total = longest = recent = lately = first = last = 0
    severities, newest = [0, 0, 0], _Second(0)
    for field, value in fields.items():
        slot, _, name = field.partition("/")
        if endpoint is not None and name != endpoint:
            continue
        if slot == _LAST:
            last = max(last, int(value))
            continue
        counted = _Second.parse(value)
        age = now // 1000 - counted.second
        if not 0 <= age < SECONDS:
            continue
        calls, total, longest = calls + counted.calls, total + counted.total, max(longest, counted.longest)
        severities = [known + new for known, new in zip(severities, counted.severities, strict=True)]
        recent += sum(counted.severities) if age < RECENT else 0
        lately += counted.calls if age < LATELY else 0
        if counted.second > newest.second:
            newest = counted
        elif counted.second == newest.second:  # another endpoint had calls in this second, too
            newest = _Second(counted.second, newest.calls + counted.calls, newest.total + counted.total)
        if any(counted.severities):
            first = min(first or counted.second, counted.second)
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

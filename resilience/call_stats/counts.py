"""The calls of the last five minutes: what lua/lib/call_stats.lua keeps, and once more for a process without Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

SECONDS = 300
"""So many seconds are kept, the present one included."""
RECENT = 60
"""So many of them are recent."""
_LAST = "last"


@dataclass(frozen=True, slots=True)
class Figures:
    """The calls of the last `SECONDS` seconds."""

    calls: int
    failures: int
    recent: int
    """Failures of the last `RECENT` seconds."""
    severities: tuple[int, int, int]
    """Failures that were low, medium, critical."""
    average_ms: float
    longest_ms: int
    first_failure_at: datetime | None
    """The first one still counted, to the second."""
    last_failure_at: datetime | None
    """However long ago, unless it was forgotten."""


class CallCounts:
    """Count calls, second by second; the fields are those of the Redis hash."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def count(self, name: str, severity: int, calls: int, total: int, longest: int, now: int) -> None:
        """Add calls of one endpoint; severity 0: they went well. Times in ms."""
        second = now // 1000
        field = f"{second % SECONDS}/{name}"
        old = [int(part) for part in self.fields.get(field, "-1 0 0 0 0 0 0").split()]
        if old[0] != second:
            old = [second, 0, 0, 0, 0, 0, 0]
        old[1] += calls
        old[2] += total
        old[3] = max(old[3], longest)
        if severity:
            old[3 + severity] += calls
            self.fields[f"{_LAST}/{name}"] = str(now)
        self.fields[field] = " ".join(str(part) for part in old)


def figures(fields: Mapping[str, str], now: int, endpoint: str | None = None) -> Figures:
    """Read the fields at `now` in ms: of one endpoint, or of all together."""
    calls = total = longest = recent = first = last = 0
    severities = [0, 0, 0]
    for field, value in fields.items():
        slot, _, name = field.partition("/")
        if endpoint is not None and name != endpoint:
            continue
        if slot == _LAST:
            last = max(last, int(value))
            continue
        second, n, took, most, *bad = (int(part) for part in value.split())
        age = now // 1000 - second
        if not 0 <= age < SECONDS:
            continue
        calls, total, longest = calls + n, total + took, max(longest, most)
        severities = [known + new for known, new in zip(severities, bad, strict=True)]
        recent += sum(bad) if age < RECENT else 0
        if any(bad):
            first = min(first or second, second)
    return Figures(
        calls=calls,
        failures=sum(severities),
        recent=recent,
        severities=(severities[0], severities[1], severities[2]),
        average_ms=total / calls if calls else 0.0,
        longest_ms=longest,
        first_failure_at=datetime.fromtimestamp(first, tz=UTC) if first else None,
        last_failure_at=datetime.fromtimestamp(last / 1000, tz=UTC) if last else None,
    )

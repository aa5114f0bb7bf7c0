"""The counts of calls by their rules: by the second for five minutes, and by the window for a day of minutes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from resilience.call_stats.buckets import BOUNDS

SECONDS = 300
SLOTS = 1440


@dataclass
class Error:
    """The failures of one type in one window: how many were low, medium, critical; the first and the last, ms."""

    first: int
    last: int = 0
    severities: list[int] = field(default_factory=lambda: [0, 0, 0])
    context: str = ""

    def __str__(self) -> str:
        return " ".join(str(part) for part in (*self.severities, self.first, self.last, self.context))


@dataclass
class Cell:
    """The calls to one endpoint in one second, or in one window; times in ms."""

    start: int
    size: int
    calls: int = 0
    total: int = 0
    longest: int = 0
    severities: list[int] = field(default_factory=lambda: [0, 0, 0])
    errors: dict[str, Error] = field(default_factory=dict)
    failed: int = 0
    times: dict[str, int] = field(default_factory=dict)
    """How many calls were how long, a to m, capitals those that failed; the newest count stands last."""

    def add(self, severity: int, calls: int, total: int, longest: int) -> None:
        """Count calls; severity 0: they went well."""
        self.calls += calls
        self.total += total
        self.longest = max(self.longest, longest)
        letter = "abcdefghijklm"[sum(longest > 1000 * bound for bound in BOUNDS)]
        if severity:
            self.severities[severity - 1] += calls
            self.failed += total
            letter = letter.upper()
        self.times[letter] = self.times.pop(letter, 0) + calls

    @property
    def totals(self) -> str:
        """Write what both kinds begin with."""
        return f"{self.calls} {self.total} {self.longest}"


class Counts:
    """Count calls; a place that comes round again begins with nothing."""

    def __init__(self) -> None:
        self.seconds: dict[str, Cell] = {}
        self.last: dict[str, int] = {}
        self.windows: dict[str, Cell] = {}
        self.whole_from = 0
        self.lacks: dict[str, str] = {}
        self._written: dict[str, str] | None = None  # the windows as text: most steps count nothing

    def count(
        self,
        name: str,
        error: str,
        severity: int,
        calls: int,
        total: int,
        longest: int,
        context: str,
        *,
        size: int,
        now: int,
    ) -> None:
        """Count calls of one endpoint."""
        self._written = None
        second, window = _cell(self.seconds, name, now, 1000, SECONDS), _cell(self.windows, name, now, size, SLOTS)
        for cell in (second, window):
            cell.add(severity, calls, total, longest)
        if severity:
            self.last[name] = now
            failures = window.errors.setdefault(error, Error(now))
            failures.severities[severity - 1] += calls
            failures.last, failures.context = now, context or failures.context

    def reset_recent_calls(self) -> None:
        """Begin the last five minutes again."""
        self.seconds, self.last = {}, {}

    def lack(self, ago: int, *, size: int, now: int) -> None:
        """Mark the windows since then: a process did not reach the server."""
        first = now - ago
        for start in range(first - first % size, now + 1, size):
            self.lacks[f"lacks/{start // size % SLOTS}"] = str(start)

    def drop(self, written: int) -> None:
        """Drop the windows that ended until then."""
        self.windows = {at: cell for at, cell in self.windows.items() if cell.start + cell.size > written}
        self._written = None

    def second_fields(self) -> dict[str, str]:
        """Name the seconds as the hash does."""
        lasts = {f"last/{name}": str(at) for name, at in self.last.items()}
        return lasts | {
            at: f"{cell.start // 1000} {cell.totals} {' '.join(map(str, cell.severities))}"
            for at, cell in self.seconds.items()
        }

    def window_fields(self) -> dict[str, str]:
        """Name the windows as the hash does."""
        if self._written is None:
            self._written = dict(self._window_fields())
        return {"whole_from": str(self.whole_from)} | self.lacks | self._written

    def _window_fields(self) -> Iterator[tuple[str, str]]:
        for at, cell in self.windows.items():
            errors = "".join(f"{error}," for error in cell.errors)
            yield at, f"{cell.start} {cell.size} {cell.totals} {sum(cell.severities)} {errors}"
            times = "".join(f"{letter}{count}" for letter, count in cell.times.items())
            yield f"{at}/times", f"{cell.start} {cell.size} {cell.failed} {times}"
            yield from ((f"{at}/{error}", str(failures)) for error, failures in cell.errors.items())


def _cell(cells: dict[str, Cell], name: str, now: int, size: int, places: int) -> Cell:
    start, at = now - now % size, f"{now // size % places}/{name}"
    cell = cells.get(at)
    if cell is None or (cell.start, cell.size) != (start, size):
        cell = cells[at] = Cell(start, size)
    return cell

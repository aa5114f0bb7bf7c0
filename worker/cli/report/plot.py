"""Small plots of a line, for any terminal: each is a string of as many characters as it has cells."""

from collections.abc import Callable, Sequence
from datetime import datetime

from db.monitoring.failure_metrics import CallWindow
from worker.cli.report.baseline import Span, merge

CELLS = 48
_BLOCKS, _PLAIN = "▁▂▃▄▅▆▇█", "_.:-=+*#"
_STATES = {"closed": "-", "off": "o", "half_open": "=", "open": "#", "forced_open": "#"}  # calmest first
LEGEND = "- closed  = half-open  # open  o off"


def curve(values: Sequence[float | None], *, plain: bool = False) -> str:
    """Draw values from 0 to their largest; a blank is a gap. `plain` is for terminals without Unicode."""
    ramp = _PLAIN if plain else _BLOCKS
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    return "".join(" " if value is None else ramp[round(value / top * (len(ramp) - 1))] for value in values)


def bar(share: float, cells: int, *, plain: bool = False) -> str:
    """Draw a share of a full bar; what is there at all has a mark."""
    return ("#" if plain else "█") * max(round(share * cells), 1 if share else 0)


def states(changes: Sequence[tuple[datetime, str]], until: datetime, cells: int = CELLS) -> str:
    """Draw a breaker's states from the first change to `until`; a cell shows the worst that it saw."""
    since = changes[0][0]
    width, worst = (until - since) / cells, list(_STATES)
    drawn = [0] * cells
    for n, (at, state) in enumerate(changes):
        ends = changes[n + 1][0] if n + 1 < len(changes) else until
        first, last = (at - since) // width, -((since - ends) // width)
        for cell in range(first, max(first + 1, min(last, cells))):
            drawn[cell] = max(drawn[cell], worst.index(state))
    return "".join(_STATES[worst[level]] for level in drawn)


def cells(
    windows: Sequence[CallWindow], since: datetime, until: datetime, read: Callable[[Span], float | None]
) -> list[float | None]:
    """Put windows into as many cells as a curve has; None where nothing is known."""
    width = (until - since) / CELLS
    sorted_in: list[list[CallWindow]] = [[] for _ in range(CELLS)]
    for window in windows:
        sorted_in[(window.start - since) // width].append(window)
    spans = [merge(windows) for windows in sorted_in]
    return [read(span) if span.calls else None for span in spans]

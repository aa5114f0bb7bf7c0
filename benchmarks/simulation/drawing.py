"""A run as a picture: lines of blocks for a terminal, or an SVG file. Pure."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar
from xml.sax.saxutils import escape

from benchmarks.simulation.conditions import Conditions
from benchmarks.simulation.trace import Trace, per_second

T = TypeVar("T")
BLOCKS = " ▁▂▃▄▅▆▇█"
SHUT = {"closed": " ", "half_open": "▒", "open": "█"}
COLUMNS = 72
WIDTH, HEIGHT, LEFT, TOP, GAP = 860, 110, 120, 46, 26  # of the SVG; HEIGHT is a panel's


class Series(NamedTuple):
    """One line of a picture: a value for each second."""

    title: str
    values: list[int]
    colour: str


def series(run: Trace, seconds: int) -> list[Series]:
    """Return what there is to draw."""
    held, last, count = run.held(), 0, []
    steps = iter([*held, (math.inf, 0)])
    at, value = next(steps)
    for second in range(seconds):
        while at <= second:
            last = value
            at, value = next(steps)
        count.append(last)
    return [
        Series("held", count, "#b45309"),
        Series("booked a second", per_second((call.ends for call in run.calls if call.books), seconds), "#15803d"),
        Series("calls a second", per_second((call.begins for call in run.calls), seconds), "#1d4ed8"),
    ]


def states(run: Trace, seconds: int) -> list[str]:
    """Return the breaker's state in each second, the most shut one of several."""
    found, state, changes = [], "closed", iter([*run.changes, None])
    change = next(changes)
    for second in range(seconds):
        worst = state
        while change is not None and change.at < second + 1:
            state = change.new
            worst = max(worst, state, key=list(SHUT).index)
            change = next(changes)
        found.append(worst)
    return found


def chart(run: Trace, day: Conditions, columns: int = COLUMNS) -> str:
    """Draw a run for a terminal."""
    seconds = math.ceil(day.ends)
    columns = min(columns, seconds)
    lines = []
    for one in series(run, seconds):
        highest = max(*one.values, 1)
        shares = [max(part) / highest for part in _parts(one.values, columns)]
        line = "".join(BLOCKS[math.ceil(share * (len(BLOCKS) - 1))] for share in shares)
        lines.append(f"{one.title:>16} |{line}| at most {highest}")
    shut = "".join(SHUT[max(part, key=list(SHUT).index)] for part in _parts(states(run, seconds), columns))
    hours = _parts(range(seconds), columns)
    down = "".join("=" if any(day.before <= at < day.back for at in part) else " " for part in hours)
    lines += [f"{'breaker':>16} |{shut}| {SHUT['open']} open  {SHUT['half_open']} half-open"]
    lines += [f"{'Cal.com':>16} |{down}| = down"]
    return "\n".join([*lines, f"{'':>16}  0 s{f'{seconds} s':>{columns - 3}}"])


def svg(run: Trace, day: Conditions, title: str) -> str:
    """Draw a run as an SVG file."""
    seconds = math.ceil(day.ends)
    panels = series(run, seconds)
    bottom = TOP + (HEIGHT + GAP) * len(panels) - GAP
    scale = WIDTH / seconds
    begins, down = LEFT + day.before * scale, day.outage * scale
    drawn = [
        _text(LEFT, 20, escape(title)),
        _rect(begins, TOP, down, bottom - TOP, "#fee2e2"),
        _text(begins + 4, TOP - 6, "Cal.com is down"),
    ]
    for number, one in enumerate(panels):
        drawn += _panel(one, TOP + number * (HEIGHT + GAP), scale)
    for second, state in enumerate(states(run, seconds)):
        if state != "closed":
            colour = "#7f1d1d" if state == "open" else "#f59e0b"
            drawn.append(_rect(LEFT + second * scale, bottom + 8, scale + 0.5, 8, colour))
    drawn += [
        _text(LEFT - 8, bottom + 16, "breaker open", end=True),
        _text(LEFT, bottom + 34, "0 s"),
        _text(LEFT + WIDTH, bottom + 34, f"{seconds} s", end=True),
    ]
    size = f'width="{LEFT + WIDTH + 20}" height="{bottom + 50}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *drawn, "</svg>"]) + "\n"


def _panel(one: Series, top: float, scale: float) -> list[str]:
    """Draw one line below its top, over all seconds."""
    highest, foot = max(*one.values, 1), top + HEIGHT
    points = " ".join(f"{LEFT + at * scale:.1f},{foot - n / highest * HEIGHT:.1f}" for at, n in enumerate(one.values))
    return [
        _text(LEFT - 8, top + HEIGHT / 2, one.title, end=True),
        _text(LEFT - 8, top + 10, f"{highest}", end=True),
        f'<path d="M{LEFT},{foot}h{WIDTH}" stroke="#999"/>',
        f'<polyline points="{points}" fill="none" stroke="{one.colour}" stroke-width="1.5"/>',
    ]


def _text(x: float, y: float, words: str, *, end: bool = False) -> str:
    anchor = "end" if end else "start"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _parts(values: Sequence[T], columns: int) -> list[Sequence[T]]:
    """Cut a row of values into as many parts as there are columns."""
    bounds = [round(number * len(values) / columns) for number in range(columns + 1)]
    return [values[begin:end] for begin, end in pairwise(bounds)]

"""Draw the figures of benchmarks/latest.json: how far each is from what it must be, as bars in an SVG."""

import math
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

LEFT, WIDTH, ROW, TOP = 190, 460, 22, 64  # pixels
SCALE = 1.5  # the right edge: so many times what a figure must be
KEPT, MISSED, AIM, INK = "#3a7d5d", "#b5473c", "#8a8a8a", "#222"


def draw(report: Mapping[str, Any]) -> str:
    """Return the picture; right of the line is missed, whichever way a figure is better."""
    figures, host = report["figures"], report["host"]
    height = TOP + ROW * len(figures) + 12
    where = f"{host['cores']} cores, {host['machine']}, Python {report['versions']['python']}"
    size = f'width="{LEFT + WIDTH + 130}" height="{height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="{height}" fill="white"/>',
        _text(8, 20, "What it costs, as a share of what it may cost", size=15),
        _text(8, 38, f"{where}; a bar is the median, its line the range, the tick the aim; short is good"),
        *(line for number, one in enumerate(figures) for line in _bar(one, TOP + ROW * number)),
        _line(_x(1.0), TOP - 8, _x(1.0), height - 8, INK),
        _text(_x(1.0), TOP - 12, "must", anchor="middle"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _bar(one: Mapping[str, Any], top: float) -> Iterator[str]:
    share = {name: _share(one, one[name]) for name in ("ratio", "low", "high", "aim")}
    middle = top + ROW / 2 - 2
    colour = KEPT if share["ratio"] <= 1.0 else MISSED
    yield _text(LEFT - 8, middle + 4, one["name"], anchor="end")
    yield f'<rect x="{LEFT}" y="{top}" width="{_x(share["ratio"]) - LEFT:.1f}" height="{ROW - 6}" fill="{colour}"/>'
    yield _line(_x(share["low"]), middle, _x(share["high"]), middle, INK)
    yield _line(_x(share["aim"]), top, _x(share["aim"]), top + ROW - 6, AIM)
    says = f"{one['ratio']:.2f} ({'at least' if one['better'] == 'higher' else 'at most'} {one['must']:g})"
    yield _text(LEFT + WIDTH + 8, middle + 4, says)


def _share(one: Mapping[str, Any], ratio: float) -> float:
    """Return what part of the must that is: above 1 it is missed."""
    if one["better"] == "lower":
        return float(ratio / one["must"])
    return float(one["must"] / ratio) if ratio else math.inf


def _x(share: float) -> float:
    return LEFT + WIDTH * min(share, SCALE) / SCALE


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{INK}">{escape(text)}</text>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}" stroke-width="1.5"/>'

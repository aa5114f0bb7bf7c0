"""What every command writes with: results to standard output, everything else to standard error.

Nothing is said by colour alone: a pipe, a log and a reader who sees no colours get every word.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(*parts: str | tuple[str, str]) -> None:
    """Write one line to standard output; a part is text, or text with its style."""
    out.print(Text.assemble(*parts), soft_wrap=True)


def note(*parts: str | tuple[str, str]) -> None:
    """Write one line to standard error."""
    err.print(Text.assemble(*parts), soft_wrap=True)


def show(what: RenderableType) -> None:
    """Write a table or the like to standard output, after the terminal's width."""
    out.print(what)


def as_json(value: Any) -> None:
    """Write one JSON object on one line to standard output."""
    out.file.write(json.dumps(value, default=_plain) + "\n")


def facts(rows: Iterable[tuple[str, str | Text]]) -> None:
    """Write names and values to standard output in two columns; on a terminal long values stay in theirs."""
    kept = [(name, value if isinstance(value, Text) else Text(plain(value))) for name, value in rows]
    indent = max(len(name) for name, _ in kept) + 3
    for name, value in kept:
        lines = value.wrap(out, max(out.width - indent, 20)) if out.is_terminal else [value]
        for n, line in enumerate(lines):
            line.rstrip()
            out.print(Text.assemble((f"{'' if n else name:<{indent}}", "dim"), line), soft_wrap=True)


def plain(text: str) -> str:
    """Replace what would steer the terminal, or begin a line that nobody wrote: texts come from callers."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def span(seconds: float) -> str:
    """Say how long, in the largest unit that fits: 0.4 s, 12 s, 3 min, 2 h, 5 days."""
    seconds = max(seconds, 0.0)
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for length, unit in ((60, "s"), (3600, "min"), (172_800, "h")):
        if seconds < length:
            return f"{seconds / {'s': 1, 'min': 60, 'h': 3600}[unit]:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def ago(moment: datetime, now: datetime) -> str:
    """Say how long ago a moment was, or in how long it comes."""
    seconds = (now - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def clock(moment: datetime) -> str:
    """Write a moment to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun: 1 booking, 1,200 bookings."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)

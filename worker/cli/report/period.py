"""Read a span of time as an operator types it."""

import re
from datetime import timedelta

import typer

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)
LONGEST = timedelta(days=400)


def period(name: str, text: str) -> timedelta:
    """Read 90m, 24h or 7d.

    Raises:
        typer.BadParameter: It has another form, or is longer than 400 days.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    span = int(found[1]) * _UNITS[found[2]] if found else None
    if span is None or span > LONGEST:
        raise typer.BadParameter(
            f"{name}: {text!r} is no duration; give a whole number with m, h or d, up to {LONGEST.days}d: 90m, 24h, 7d"
        )
    return span

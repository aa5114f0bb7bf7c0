"""A line of the report, and how its figures are written."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line of the checklist."""

    name: str
    said: str
    ok: bool | None = None
    """None: there is no target, or too little history to judge."""
    target: str = ""
    do: str = ""
    """What to do when the target is missed."""
    details: Sequence[str] = ()
    """Further figures, each on a line."""


def percent(share: float) -> str:
    """Write a share as a percentage; a partial share is never rounded to 0 % or 100 %."""
    if share in {0.0, 1.0}:
        return f"{share:.0%}".replace("%", " %")
    for figures in range(1, 5):
        text = f"{share * 100:.{figures}f}"
        if 0 < float(text) < 100:
            break
    return f"{text} %"


def milliseconds(value: float) -> str:
    """Write a time in milliseconds."""
    return f"{value:,.0f} ms"


def megabytes(count: float) -> str:
    """Write a size in the unit that fits."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"

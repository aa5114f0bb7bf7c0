"""A line of the report, and figures as a person reads them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    name: str
    said: str
    ok: bool | None = None
    """None: there is no target, or too little is known to judge."""
    target: str = ""
    do: str = ""
    """What to do when it is missed."""
    details: Sequence[str] = ()
    """Further figures, a line each."""


def percent(share: float) -> str:
    """Write a share; what is not all is never rounded to 100 %, what is there at all never to 0 %."""
    if share in {0.0, 1.0}:
        return f"{share:.0%}".replace("%", " %")
    for figures in range(1, 5):
        text = f"{share * 100:.{figures}f}"
        if 0 < float(text) < 100:
            break
    return f"{text} %"


def milliseconds(value: float) -> str:
    """Write a time."""
    return f"{value:,.0f} ms"


def megabytes(count: float) -> str:
    """Write a size in the unit that fits."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"

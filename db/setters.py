"""The columns that a caller lets a statement set, and their values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

Setters = tuple[tuple[str, str], ...]  # a column, and the SQL of its new value


@dataclass(frozen=True, slots=True)
class FromNow:
    """A moment this many seconds from Postgres's now; negative: before it."""

    seconds: float


def setters(
    changes: Mapping[str, Any], writable: Collection[str], passed_over: Collection[str] = ()
) -> tuple[Setters, dict[str, Any]]:
    """Return what sets these columns, and their values; those `passed_over` are not set.

    Raises:
        ValueError: A column is not there, or is not for a caller to write.
    """
    if wrong := sorted(name for name in changes if name not in writable and name not in passed_over):
        raise ValueError(f"not for a caller to write: {', '.join(wrong)}")
    made, values = [], {}
    for name, value in changes.items():
        if name in passed_over:
            continue
        moment = isinstance(value, FromNow)
        made.append((name, f"now() + make_interval(secs => %({name})s)" if moment else f"%({name})s"))
        values[name] = value.seconds if moment else Jsonb(value) if isinstance(value, dict | list) else value
    return tuple(made), values

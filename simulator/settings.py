"""Say how the simulator behaves when no fault is ordered; `POST /_settings` changes it while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Seconds throughout. Keys map an API key to what its owner may see.

    A key's view is `all`, `nothing`, a host's username, or one of the states `expired` and `deleted`.
    """

    latency: tuple[float, float] = (0.0, 0.0)  # the work between reading the calendar and writing the booking
    replica_lag: float = 0.0  # how old the data are that lists and GET by uid show
    lag_breaks_posts: bool = False  # the real server with a stale replica: books, then answers 500 B
    rate_limit: int = 120  # calls a window and key; 0: no limit
    rate_window: float = 60.0
    rate_block: float = 60.0
    keep_alive: float = 75.0  # an idle connection is closed after this
    keys: dict[str, str] = field(
        default_factory=lambda: {
            "cal_test_owner": "all",
            "cal_test_blind": "nothing",
            "cal_test_expired": "expired",
            "cal_test_deleted": "deleted",
            "cal_test_host4": "host4",
        }
    )


class SettingError(ValueError):
    """A setting cannot be read; the message says which and why."""


def changed(settings: Settings, order: dict[str, Any]) -> Settings:
    """Apply an order such as {"replica_lag": 1, "latency": [0.1, 0.3]}. Raises SettingError.

    A latency may be one number. Keys are added to the known ones.
    """
    if not isinstance(order, dict) or not isinstance(order.get("keys", {}), dict):
        raise SettingError("settings are a JSON object, and so are keys")
    known = {field.name for field in fields(Settings)}
    if unknown := set(order) - known:
        raise SettingError(f"unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    values = dict(order)
    if "keys" in values:
        values["keys"] = {**settings.keys, **values["keys"]}
    if "latency" in values:
        values["latency"] = span(values["latency"])
    for name, value in values.items():
        if name not in ("keys", "latency", "lag_breaks_posts") and (not isinstance(value, int | float) or value < 0):
            raise SettingError(f"{name} must be a number of at least 0")
    return replace(settings, **values)


def span(value: Any) -> tuple[float, float]:
    """Read a fixed time or a range in seconds: 0.5 or [0.1, 0.5]. Raises SettingError."""
    low, high = value if isinstance(value, list | tuple) and len(value) == 2 else (value, value)
    if not (isinstance(low, int | float) and isinstance(high, int | float) and 0 <= low <= high):
        raise SettingError("a time is a number of seconds, or a pair [low, high]")
    return float(low), float(high)

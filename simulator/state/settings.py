"""Say how the simulator behaves when no fault is ordered; `POST /_settings` changes it while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from simulator.state.users import ALL, DELETED, EXPIRED, NOTHING, WORDS


@dataclass(frozen=True)
class Settings:
    """Seconds throughout; shares are between 0 and 1. Keys map an API key to what its user may see (users.py)."""

    latency: tuple[float, float] = (0.0, 0.0)  # the work of a call, in steps (steps.py)
    replica_lag: float = 0.0  # how old the data are that lists and GET by uid show
    replica_lags: tuple[float, ...] = ()  # several replicas, which answer in turn; else the one above
    replica_until: float = 0.0  # the moment of CLOCK_MONOTONIC at which all replicas have stopped; 0: they go on
    lag_breaks_posts: bool = False  # a POST re-reads its booking from the replica: 500 B after commit, stale 201s
    slots_cache: float = 2.0  # the answer of /v2/slots is kept so long for the same question (SLOTS_CACHE_TTL)
    total_one_too_high: float = 0.0  # share of the lists that count one booking more than they show (seen: 8 of 60)
    seat_cancel_says_404: float = 0.0  # share of the cancelled seats that answer 404 though it is done (seen: 2 of 15)
    seat_move_loses: float = 0.0  # share of the seats moved to an empty time that are lost between two steps (seen)
    series_finds_living: float = 0.67  # share of the cancels by a series' uid that find a living week (seen: 2 of 3)
    dedupe_takes_another: float = 0.1  # share of the dedupes, where several bookings match, that take a later one
    blocked_emails: tuple[str, ...] = ("blocked@example.com",)  # a watchlist: 500 B for good
    guarded_emails: tuple[str, ...] = ("guarded@example.com",)  # of users who must log in to book with them: 403 B
    free_domains: tuple[str, ...] = ("gmail.com", "outlook.com")  # whose addresses a type may ask its host about
    rate_limit: int = 120  # calls a window and key; 0: no limit
    rate_window: float = 60.0
    rate_block: float = 60.0
    keep_alive: float = 75.0  # an idle connection is closed after this
    keys: dict[str, str] = field(
        default_factory=lambda: {
            "cal_test_owner": ALL,
            "cal_test_fickle": ALL,
            "cal_test_admin": "admin",
            "cal_test_blind": NOTHING,
            "cal_test_expired": EXPIRED,
            "cal_test_deleted": DELETED,
            "cal_test_host4": "host4",
        }
    )
    users: dict[str, str] = field(default_factory=dict)  # whose a key is that sees all or nothing; else its last word


class SettingError(ValueError):
    """A setting cannot be read; the message says which and why."""


def changed(settings: Settings, order: dict[str, Any]) -> Settings:
    """Apply an order such as {"replica_lag": 1, "latency": [0.1, 0.3]}. Raises SettingError.

    A latency may be one number. Keys are added to the known ones; one that loses its permission keeps its user.
    """
    if not isinstance(order, dict) or not isinstance(order.get("keys", {}), dict):
        raise SettingError("settings are a JSON object, and so are keys")
    known = {field.name for field in fields(Settings)}
    if unknown := set(order) - known:
        raise SettingError(f"unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    values = {name: _read(settings, name, value) for name, value in order.items()}
    if "keys" in values:
        users = {key: view for key, view in settings.keys.items() if view not in WORDS}
        values["users"] = {**settings.users, **users, **values.get("users", {})}
        values["keys"] = {**settings.keys, **values["keys"]}
    return replace(settings, **values)


def _read(settings: Settings, name: str, value: Any) -> Any:
    if name == "latency":
        return span(value)
    kind = type(getattr(settings, name))
    if kind is tuple:
        members = (int, float) if name == "replica_lags" else (str,)
        if not isinstance(value, list) or not all(isinstance(item, members) for item in value):
            raise SettingError(f"{name} must be a list of {'numbers' if str not in members else 'texts'}")
        return tuple(value)
    if kind in (dict, bool):
        if not isinstance(value, kind):
            raise SettingError(f"{name} must be {'an object' if kind is dict else 'true or false'}")
        return value
    if not isinstance(value, int | float) or value < 0:
        raise SettingError(f"{name} must be a number of at least 0")
    return value


def span(value: Any) -> tuple[float, float]:
    """Read a fixed time or a range in seconds: 0.5 or [0.1, 0.5]. Raises SettingError."""
    low, high = value if isinstance(value, list | tuple) and len(value) == 2 else (value, value)
    if not (isinstance(low, int | float) and isinstance(high, int | float) and 0 <= low <= high):
        raise SettingError("a time is a number of seconds, or a pair [low, high]")
    return float(low), float(high)

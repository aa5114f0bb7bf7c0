"""How Cal.com misbehaves in the demo, and which waits are shortened so that it ends within a minute."""

from collections.abc import Iterator
from typing import Any

from worker.settings import Settings

LATENCY = (0.1, 0.5)  # seconds

# A 429 blocks for 60 s at Cal.com, and for 2 s here.
_SLOW_DOWN = {"X-RateLimit-Remaining-Default": "0", "X-RateLimit-Reset-Default": "2"}
_POST = {"method": "POST", "path": "/v2/bookings"}

# (of a hundred calls that book, what happens, the simulator's order)
FAULTS: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (3, "answered 503", {"kind": "status", "name": "unavailable"}),
    (3, "a database error", {"kind": "status", "name": "database"}),
    (3, "booked, never answered", {"kind": "commit_then_hang"}),
    (3, "booked, then cut off", {"kind": "commit_then_reset"}),
    (2, "cut off", {"kind": "reset"}),
    (1, "never answered", {"kind": "hang"}),
    # Each stops the whole fleet, for Cal.com counts by key: so once is enough to see.
    (1, "told to slow down (once)", {"kind": "status", "name": "throttled", "headers": _SLOW_DOWN, "count": 1}),
)

# (setting, the demo's value, what it is)
SHORTENED: tuple[tuple[str, Any, str], ...] = (
    ("retry_delays", (0.5, 1.0, 2.0), "retries after"),
    ("calcom_read_timeout", 2.0, "an answer may take"),
    ("calcom_settle_seconds", 4.0, "no answer: settled after"),
    ("calcom_settle_answered_seconds", 1.0, "unclear answer: after"),
    ("circuit_breaker_half_open_timeout", 2.0, "unreachable: pause"),
)
# Not waits, or too small to be told of.
_ALSO: dict[str, Any] = {
    "calcom_connect_timeout": 1.0,
    "calcom_deadline": 3.0,
    "calcom_rate_limit_per_minute": 0,
    # One call in ten fails here all the time: that is no outage.
    "circuit_breaker_threshold": 40,
    "circuit_breaker_window": 2.0,
    "log_format": "json",
}


def orders() -> list[dict[str, Any]]:
    """Return what `POST /_faults` takes."""
    return [{**order, "share": share / 100, "match": _POST} for share, _, order in FAULTS]


def settings(**given: Any) -> Settings:
    """Return the demo's settings: ours, and else the defaults, whatever this machine's environment says."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    return Settings.load(**{**defaults, **{name: value for name, value, _ in SHORTENED}, **_ALSO, **given})


def shortened() -> Iterator[tuple[str, str, str]]:
    """Say what is shortened, to what, and what it is in real life."""
    for name, value, words in SHORTENED:
        yield words, f"{_seconds(value)} s", _default(name)
    yield "Cal.com's 429 blocks", "2 s", "60"
    yield "calls a minute", "any number", _default("calcom_rate_limit_per_minute")


def _default(name: str) -> str:
    return _seconds(Settings.model_fields[name].default)


def _seconds(value: Any) -> str:
    return ", ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"

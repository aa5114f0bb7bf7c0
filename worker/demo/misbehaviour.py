"""How Cal.com misbehaves in the demo, and which waits are shortened so that it ends within a minute."""

from typing import Any

from worker.settings import Settings

LATENCY = (0.1, 0.5)  # seconds
SLOW_DOWN = 2  # seconds that a 429 asks for

_POST = {"method": "POST", "path": "/v2/bookings"}

# (of a hundred calls, what happens, the simulator's order)
FAULTS: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (4, "are answered 503", {"kind": "status", "name": "unavailable"}),
    (3, "meet a database error", {"kind": "status", "name": "database"}),
    (3, "are booked and never answered", {"kind": "commit_then_hang"}),
    (3, "are booked and cut off", {"kind": "commit_then_reset"}),
    (2, "are cut off, unbooked", {"kind": "reset"}),
    (1, "hang, unbooked", {"kind": "hang"}),
    (2, "are told to slow down", {"kind": "status", "name": "throttled", "retry_after": SLOW_DOWN}),
)

# (setting, the demo's value, what it is)
SHORTENED: tuple[tuple[str, Any, str], ...] = (
    ("retry_delays", (0.5, 1.0, 2.0), "retries after {} s"),
    ("calcom_read_timeout", 2.0, "an answer is awaited {} s"),
    ("calcom_settle_seconds", 4.0, "an unanswered call is settled after {} s"),
    ("calcom_settle_answered_seconds", 1.0, "an unclear answer after {} s"),
    ("circuit_breaker_half_open_timeout", 2.0, "Cal.com is left alone for {} s"),
)
# Not waits, or too small to be told of.
_ALSO: dict[str, Any] = {
    "calcom_connect_timeout": 1.0,
    "calcom_deadline": 3.0,
    "calcom_rate_limit_per_minute": 0,
    "log_format": "json",
}


def orders() -> list[dict[str, Any]]:
    """Return what `POST /_faults` takes."""
    return [{**order, "share": share / 100, "match": _POST} for share, _, order in FAULTS]


def settings(**given: Any) -> Settings:
    """Return the demo's settings: ours, and else the defaults, whatever this machine's environment says."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    return Settings.load(**{**defaults, **{name: value for name, value, _ in SHORTENED}, **_ALSO, **given})


def faults_said() -> str:
    """Say what happens to how many calls."""
    said = [f"{share} {words}" for share, words, _ in FAULTS]
    return f"of 100 calls that book, {', '.join(said[:-1])} and {said[-1]}; the others take {LATENCY[0]}-{LATENCY[1]} s"


def shortened_said() -> str:
    """Say what is shortened, with the usual value in brackets."""
    said = [words.format(f"{_seconds(value)} ({_default(name)})") for name, value, words in SHORTENED]
    return f"{', '.join(said)}; calls are not limited ({_default('calcom_rate_limit_per_minute')} a minute)"


def _default(name: str) -> str:
    return _seconds(Settings.model_fields[name].default)


def _seconds(value: Any) -> str:
    return "-".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"

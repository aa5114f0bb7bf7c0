"""How Cal.com misbehaves in the demo, and which times are shortened so that it ends within a minute."""

import time
from collections.abc import Iterator
from typing import Any

from worker.local.demo.outage import OutageTimes
from worker.local.environment import SimulatedCalcom
from worker.settings.model import Settings

SIMULATOR = ("--rate-limit", "0", "--latency", "0.1", "0.3")  # seconds

# A 429 blocks for 60 s at Cal.com, and for 2 s here.
_SLOW_DOWN = {"X-RateLimit-Remaining-Default": "0", "X-RateLimit-Reset-Default": "2"}
_POST = {"method": "POST", "path": "/v2/bookings"}

# (calls at most, what happens to them, the simulator's order)
# Fewer failures in all than open the breaker: by themselves they cannot.
FAULTS: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (4, "answered 503", {"kind": "status", "name": "unavailable"}),
    (3, "a database error", {"kind": "status", "name": "database"}),
    (4, "booked, never answered", {"kind": "commit_then_hang"}),
    (3, "booked, then cut off", {"kind": "commit_then_reset"}),
    (3, "cut off", {"kind": "reset"}),
    (1, "never answered", {"kind": "hang"}),
)
_AMONG = 40  # calls; each fault meets its share of them by chance, until it has met its number
# It comes when most faults were met: it stops the whole fleet, for Cal.com counts by key.
_THROTTLED = {"kind": "status", "name": "throttled", "headers": _SLOW_DOWN, "count": 1, "start_after": 3.5}

# The outage: first connections are refused, then a proxy answers 503. Together they last long enough for two failed
# probes; the second part is the longer one, for the journal has no refused connections. It lasts at least until a probe
# was answered 503.
REFUSED_SECONDS, UNAVAILABLE_SECONDS = 2.5, 4.0
DOWN_SECONDS = 60.0  # at most

# (setting, the demo's value, what it is)
SHORTENED: tuple[tuple[str, Any, str], ...] = (
    ("retry_delays", (0.25, 0.5, 1.0), "retries after"),
    ("calcom_read_timeout", 2.0, "an answer may take"),
    ("calcom_settle_seconds", 3.0, "no answer: settled in"),
    ("calcom_settle_answered_seconds", 1.0, "unclear answer: in"),
    ("circuit_breaker_half_open_timeout", 2.0, "breaker open: probe in"),
    ("circuit_breaker_window", 5.0, "failures count for"),
)
# Not times, or too small to be shown.
_ALSO: dict[str, Any] = {
    "calcom_connect_timeout": 1.0,
    "calcom_deadline": 3.0,
    "calcom_rate_limit_per_minute": 0,
    "circuit_breaker_threshold": 20,
    "log_format": "json",
}


def misbehave(calcom: SimulatedCalcom) -> None:
    """Begin with the faults of a bad day."""
    by_chance = [{**order, "count": most, "share": most / _AMONG} for most, _, order in FAULTS]
    calcom.order("POST", "/_faults", [{**order, "match": _POST} for order in (*by_chance, _THROTTLED)])


def fail(calcom: SimulatedCalcom) -> OutageTimes:
    """End these faults, and go down until `recover`; `back` is the earliest moment for it."""
    calcom.order("DELETE", "/_faults")
    refused = {"kind": "refuse", "seconds": REFUSED_SECONDS}
    unavailable = {"kind": "status", "name": "unavailable", "seconds": DOWN_SECONDS}
    begins = calcom.order("POST", "/_faults", [refused, unavailable])["faults"][0]["begins"]
    answers = begins + REFUSED_SECONDS
    return OutageTimes(begins=begins, answers=answers, back=answers + UNAVAILABLE_SECONDS)


def recover(calcom: SimulatedCalcom) -> float:
    """End the outage; return the moment."""
    calcom.order("DELETE", "/_faults")
    return time.monotonic()


def settings(**given: Any) -> Settings:
    """Return the demo's settings: ours, else the defaults; the environment's variables are not read."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    return Settings.load(**{**defaults, **{name: value for name, value, _ in SHORTENED}, **_ALSO, **given})


def shortened() -> Iterator[tuple[str, str, str]]:
    """Yield what is shortened or unusual: its name, the demo's value, and the usual value."""
    for name, value, words in SHORTENED:
        yield words, f"{_seconds(value)} s", _default(name)
    yield "Cal.com's 429 blocks", "2 s", "60"
    failures = "circuit_breaker_threshold"
    yield "... open the breaker", str(_ALSO[failures]), _default(failures)
    yield "calls a minute", "any number", _default("calcom_rate_limit_per_minute")


def _default(name: str) -> str:
    return _seconds(Settings.model_fields[name].default)


def _seconds(value: Any) -> str:
    return ", ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"

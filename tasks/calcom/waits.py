"""Read how long Cal.com, or a proxy before it, asks us to wait."""

import re
from collections.abc import Mapping
from datetime import datetime

from tasks.calcom.answer import http_date

LONGEST = 3600.0  # seconds; a longer wait is somebody's mistake, and the row is asked again after this one
_UNIX_TIME = 1_000_000_000  # a "seconds left" above this is a moment (docs/calcom.md, "Rate limits")
_SECONDS = re.compile(r"-?\d{1,15}(\.\d{1,9})?")
_RESET = "x-ratelimit-reset"
_REMAINING = "x-ratelimit-remaining"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of Retry-After (a number or an HTTP date), 0 to 3600; None when it is absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is None and (moment := http_date(value)) is not None:
        seconds = moment.timestamp() - now.timestamp()
    return None if seconds is None else _bounded(seconds)


def throttled_for(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return for how many seconds a 429 blocks us, 0 to 3600; None when nothing readable says so.

    Honours Retry-After and X-RateLimit-Reset, whatever follows the latter's name (-Default, -Short, -Long): the longest
    wins, except that a limit which still has calls left is not the one that blocks.
    """
    resets = {
        name.removeprefix(_RESET): _bounded(seconds - now.timestamp() if seconds > _UNIX_TIME else seconds)
        for name, value in headers.items()
        if name.startswith(_RESET) and (seconds := _number(value.strip())) is not None
    }
    spent = [wait for limit, wait in resets.items() if (_number(headers.get(_REMAINING + limit, "")) or 0) <= 0]
    asked = retry_after(headers, now)
    waits = (spent or list(resets.values())) + ([] if asked is None else [asked])
    return max(waits, default=None)


def allowance(headers: Mapping[str, str], now: datetime) -> tuple[int, float] | None:
    """Return how many calls the tightest X-RateLimit leaves, and in how many seconds it begins anew; None: not said.

    Others may use our key too, so what Cal.com counts is more than what we have sent.
    """
    left = [
        (int(remaining), _bounded(reset - now.timestamp() if reset > _UNIX_TIME else reset))
        for name, value in headers.items()
        if name.startswith(_REMAINING)
        and (remaining := _number(value.strip())) is not None
        and (reset := _number(headers.get(_RESET + name.removeprefix(_REMAINING), "").strip())) is not None
    ]
    return min(left, default=None)


def _number(value: str) -> float | None:
    return float(value) if _SECONDS.fullmatch(value) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST)

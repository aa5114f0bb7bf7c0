"""Read the headers of an answer: how long to wait, how many calls are left, and when it was answered.

Times in a header are by the server's clock, so they are compared with the answer's own `Date`: a clock that is an hour
wrong must not block all workers for an hour.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from resilience.circuit_breaker.types import QuotaHeaders

LONGEST_WAIT = 3600.0  # seconds; a longer wait is a mistake of the server's, and is cut to this
LEAST_WAIT = 1.0  # seconds after a 429: "reset in 0 s" is rounded, and a call at once meets the next 429
_UNIX_TIME = 1_000_000_000  # a larger "seconds left" is a Unix time (docs/calcom.md, "Rate limits")
_SECONDS = r"-?\d{1,15}(\.\d{1,9})?"  # compiled at first use: a process that only enqueues reads no answers
_LIMIT, _REMAINING, _RESET = "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"


def answered_at(headers: Mapping[str, str]) -> datetime | None:
    """Return the time of the answer by the server's own clock, in whole seconds; None: the answer has no Date."""
    return _http_date(headers.get("date", ""))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After (a number or an HTTP date), 0 to 3600; None: it is absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is None and (moment := _http_date(value)) is not None:
        seconds = moment.timestamp() - _moment_of(headers)
    return None if seconds is None else _bounded(seconds)


def throttled_for(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds a 429 blocks us, 1 to 3600; None: no header names a time.

    The time is the longest of Retry-After and X-RateLimit-Reset with any suffix (-Default, -Short, -Long). A limit with
    calls left does not count if another limit has no call left.
    """
    resets = {
        name.removeprefix(_RESET): wait
        for name in headers
        if name.startswith(_RESET) and (wait := _reset(headers, name)) is not None
    }
    spent = [wait for limit, wait in resets.items() if (_number(headers.get(_REMAINING + limit, "")) or 0) <= 0]
    asked = retry_after(headers)
    waits = (spent or list(resets.values())) + ([] if asked is None else [asked])
    return max(*waits, LEAST_WAIT) if waits else None


def allowance(headers: Mapping[str, str]) -> QuotaHeaders | None:
    """Return the X-RateLimit with the most calls left; None: no header shows a limit.

    Cal.com blocks only when all limits are used up. Their counts include the calls of others with our key.
    """
    limits = [
        quota
        for name in headers
        if name.startswith(_REMAINING) and (quota := _allowance(headers, name.removeprefix(_REMAINING))) is not None
    ]
    return max(limits, key=lambda limit: (limit.remaining, -limit.reset_after), default=None)


def is_quota(name: str) -> bool:
    """Return whether a header of this lower-case name shows a rate limit."""
    return name.startswith((_LIMIT, _REMAINING, _RESET))


def _allowance(headers: Mapping[str, str], which: str) -> QuotaHeaders | None:
    limit, remaining = (_number(headers.get(name + which, "").strip()) for name in (_LIMIT, _REMAINING))
    reset = _reset(headers, _RESET + which)
    if limit is None or remaining is None or reset is None:
        return None
    return QuotaHeaders(int(limit), max(int(remaining), 0), reset)


def _reset(headers: Mapping[str, str], name: str) -> float | None:
    """Return the seconds until a limit begins again: Cal.com sends seconds, or a Unix time."""
    value = _number(headers.get(name, "").strip())
    if value is None:
        return None
    return _bounded(value - _moment_of(headers) if value > _UNIX_TIME else value)


def _moment_of(headers: Mapping[str, str]) -> float:
    return (answered_at(headers) or datetime.now(UTC)).timestamp()


def _number(value: str) -> float | None:
    return float(value) if re.fullmatch(_SECONDS, value) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    """Return the moment of an HTTP date, in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None

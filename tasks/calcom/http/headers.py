"""Read the headers that any answer may have: when it was answered, how many calls are left, and until when.

Times in a header are by the server's clock, so they are compared with the answer's own `Date`: a clock that is an hour
wrong must not block all workers for an hour.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from resilience.circuit_breaker.types import QuotaHeaders

LONGEST_WAIT = 3600.0  # seconds; a longer wait is a mistake of the server's, and is cut to this
_UNIX_TIME = 1_000_000_000  # a larger "seconds left" is a Unix time (docs/calcom.md, "Rate limits")
_SECONDS = r"-?\d{1,15}(\.\d{1,9})?"  # compiled at first use: a process that only enqueues reads no answers
_LIMIT = "x-ratelimit-limit"
REMAINING, RESET = "x-ratelimit-remaining", "x-ratelimit-reset"


def answered_at(headers: Mapping[str, str]) -> datetime | None:
    """Return the time of the answer by the server's own clock, in whole seconds; None: the answer has no Date."""
    return http_date(headers.get("date", ""))


def allowance(headers: Mapping[str, str]) -> QuotaHeaders | None:
    """Return the X-RateLimit with the most calls left; None: no header shows a limit.

    Cal.com blocks only when all limits are used up. Their counts include the calls of others with our key.
    """
    limits = [
        quota
        for name in headers
        if name.startswith(REMAINING) and (quota := _allowance(headers, name.removeprefix(REMAINING))) is not None
    ]
    return max(limits, key=lambda limit: (limit.remaining, -limit.reset_after), default=None)


def is_quota(name: str) -> bool:
    """Return whether a header of this lower-case name shows a rate limit."""
    return name.startswith((_LIMIT, REMAINING, RESET))


def _allowance(headers: Mapping[str, str], which: str) -> QuotaHeaders | None:
    limit, remaining = (number(headers.get(name + which, "").strip()) for name in (_LIMIT, REMAINING))
    reset = reset_in(headers, RESET + which)
    if limit is None or remaining is None or reset is None:
        return None
    return QuotaHeaders(int(limit), max(int(remaining), 0), reset)


def reset_in(headers: Mapping[str, str], name: str) -> float | None:
    """Return the seconds until a limit begins again: Cal.com sends seconds, or a Unix time."""
    value = number(headers.get(name, "").strip())
    if value is None:
        return None
    return bounded(value - moment_of(headers) if value > _UNIX_TIME else value)


def moment_of(headers: Mapping[str, str]) -> float:
    """Return when it was answered, by the server's clock or else by ours."""
    return (answered_at(headers) or datetime.now(UTC)).timestamp()


def number(value: str) -> float | None:
    """Return the seconds or the count in a header; None: it has no plain number."""
    return float(value) if re.fullmatch(_SECONDS, value) else None


def bounded(seconds: float) -> float:
    """Return a wait of 0 seconds to LONGEST_WAIT."""
    return min(max(seconds, 0.0), LONGEST_WAIT)


def http_date(text: str) -> datetime | None:
    """Return the moment of an HTTP date, in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None

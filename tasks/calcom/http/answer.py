"""What a call to Cal.com sends, and what it came back with: an answer, or none.

The headers of an answer say how long Cal.com, or a proxy before it, asks us to wait, and how many calls it leaves us.
Their moments are by the clock of whoever answers, so they are read against the answer's own `Date`: a host whose clock
is an hour off must not block the fleet for an hour.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from resilience.circuit_breaker.types import QuotaHeaders

MAX_BODY = 1024 * 1024  # bytes, decoded
LONGEST_WAIT = 3600.0  # seconds; a longer wait is somebody's mistake, and the row is asked again after this one
LEAST_WAIT = 1.0  # seconds after a 429: a "reset in 0 s" is rounded, and who takes it at its word is told so again
_UNIX_TIME = 1_000_000_000  # a "seconds left" above this is a moment (docs/calcom.md, "Rate limits")
_SECONDS = r"-?\d{1,15}(\.\d{1,9})?"  # compiled at its first use: who only enqueues reads no answers
_LIMIT, _REMAINING, _RESET = "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"


@dataclass(frozen=True, slots=True)
class Request:
    """Hold what is sent; `headers` is all of them, but for the body's length.

    `max_body` is how many bytes of the answer's decoded body are read at most.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    params: Mapping[str, str | int] | None = None
    body: bytes | None = None
    max_body: int = MAX_BODY


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what Cal.com, or a proxy before it, answered.

    `headers` have lower-case names; `body` is decoded (no gzip); `elapsed` is in seconds; `truncated` means that the
    connection ended, or a limit was passed, before the body was whole.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    truncated: bool = False

    @property
    def date(self) -> datetime | None:
        """Return when it was answered by the server's own clock, in whole seconds; None when it does not say."""
        return http_date(self.headers.get("date", ""))


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Say why there is no answer, and whether the request may have reached Cal.com.

    `sent` is False only when certainly no byte of the request left this machine. `error_type` is a value of
    `tasks.calcom.reply.ErrorType`; `message` holds no secret and no personal data; `elapsed` is in seconds.
    """

    sent: bool
    error_type: str
    message: str
    elapsed: float


def parse(body: bytes) -> Any:
    """Return the JSON of `body`; None for what is not JSON (no answer of Cal.com is a bare null)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def http_date(text: str) -> datetime | None:
    """Return the moment of an HTTP date, in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After (a number or an HTTP date), 0 to 3600; None when it is absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is None and (moment := http_date(value)) is not None:
        seconds = moment.timestamp() - _answered_at(headers)
    return None if seconds is None else _bounded(seconds)


def throttled_for(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds a 429 blocks us, 1 to 3600; None when nothing readable says so.

    Honours Retry-After and X-RateLimit-Reset, whatever follows the latter's name (-Default, -Short, -Long): the longest
    wins, except that a limit which still has calls left is not the one that blocks.
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
    """Return what an X-RateLimit shows; of several the one with the most calls left; None: it shows none.

    Cal.com blocks only when all of them are spent. Others may use our key too, so what it counts is more than what we
    have sent.
    """
    limits = [
        quota
        for name in headers
        if name.startswith(_REMAINING) and (quota := _allowance(headers, name.removeprefix(_REMAINING))) is not None
    ]
    return max(limits, key=lambda one: (one.remaining, -one.reset_after), default=None)


def _allowance(headers: Mapping[str, str], which: str) -> QuotaHeaders | None:
    limit, remaining = (_number(headers.get(name + which, "").strip()) for name in (_LIMIT, _REMAINING))
    reset = _reset(headers, _RESET + which)
    if limit is None or remaining is None or reset is None:
        return None
    return QuotaHeaders(int(limit), max(int(remaining), 0), reset)


def _reset(headers: Mapping[str, str], name: str) -> float | None:
    """Return in how many seconds a limit begins anew: Cal.com counts them, or gives a Unix time."""
    value = _number(headers.get(name, "").strip())
    if value is None:
        return None
    return _bounded(value - _answered_at(headers) if value > _UNIX_TIME else value)


def _answered_at(headers: Mapping[str, str]) -> float:
    return (http_date(headers.get("date", "")) or datetime.now(UTC)).timestamp()


def _number(value: str) -> float | None:
    return float(value) if re.fullmatch(_SECONDS, value) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)

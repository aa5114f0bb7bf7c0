"""Decide when to retry, how often and after how long; and a retry loop for callers without Celery.

Only one layer retries: the `operation` that `execute` calls must not retry by itself.
"""

import math
import random
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self, TypeVar

from booking_client import correlation
from resilience.exceptions import AppointmentDatabaseException, AppointmentException, CalcomBookingException

T = TypeVar("T")

# A retry never helps against a refusal. (408, 409, 425 and the like may be named as transient.)
NEVER_RETRIED = frozenset({400, 401, 403, 404, 422})
# After these errors the database has undone everything, so a retry may follow at once.
AT_ONCE = frozenset({"deadlock", "serialization", "lost_connection"})
# Retries by error type that differ from max_attempts: a deadlock is over within milliseconds.
PER_ERROR: Mapping[str, int] = MappingProxyType({"deadlock": 5, "serialization": 5})
_STATUS_TYPES: Mapping[int, str] = {429: "throttled"} | {
    status: "http_52x" if 520 <= status < 530 else f"http_{status}" for status in (500, 502, 503, 504, *range(520, 530))
}


@dataclass(frozen=True, slots=True)
class TransientErrors:
    """The failures after which Cal.com may succeed later: HTTP statuses, and no answer at all."""

    statuses: frozenset[int] = frozenset({429, *range(500, 600)})
    no_answer: bool = True  # time-outs, refused or lost connections, DNS
    text: str = "timeout,429,5xx"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the set that `text` names, in words like `timeout` (no answer in time, or no connection), 503, 5xx.

        Raises:
            ValueError: A word is unknown, or names a status for which a retry never helps.
        """
        statuses: set[int] = set()
        no_answer = False
        words = [word.strip().lower() for word in text.split(",") if word.strip()]
        for word in words:
            if word == "timeout":
                no_answer = True
            elif word == "5xx":
                statuses.update(range(500, 600))
            elif re.fullmatch(r"[45]\d\d", word, re.ASCII):
                statuses.add(int(word))
            else:
                raise ValueError(f"unknown transient error {word!r}: write timeout, 5xx, or statuses like 429, 503")
        if refused := sorted(statuses & NEVER_RETRIED):
            raise ValueError(f"{refused[0]} is a refusal and never transient")
        return cls(frozenset(statuses), no_answer, ",".join(words))


@dataclass(frozen=True, slots=True)
class Retry:
    """An event: `execute` waits `delay` seconds after attempt number `attempt` (0 is the first)."""

    attempt: int
    delay: float
    error_type: str
    correlation_id: str


@dataclass(frozen=True)
class RetryPolicy:
    """Decide on retries: delays of 1, 2, 4 s, each +-10 %, at most 3 retries after the first call.

    `delays` are seconds, the last one repeats; `jitter` is a share of the delay (0 or False: none; True: 0.1);
    `max_attempts` counts retries, not calls (0: never retry). `per_error` gives an error type another `max_attempts`.
    """

    delays: tuple[float, ...] = (1.0, 2.0, 4.0)
    jitter: float = 0.1
    max_attempts: int = 3
    transient_errors: TransientErrors = field(default_factory=TransientErrors)
    per_error: Mapping[str, int] = field(default_factory=lambda: PER_ERROR)
    rng: random.Random = field(default_factory=random.Random, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.delays or any(not math.isfinite(delay) or delay < 0 for delay in self.delays):
            raise ValueError("delays: one or more numbers of seconds, none negative")
        if isinstance(self.jitter, bool):  # the sign-off has 'jitter' => true; in Python True is 1: +-100 %
            object.__setattr__(self, "jitter", 0.1 if self.jitter else 0.0)
        if not 0 <= self.jitter <= 1:
            raise ValueError("jitter: a share between 0 and 1")
        if self.max_attempts < 0 or any(count < 0 for count in self.per_error.values()):
            raise ValueError("max_attempts: 0 or more retries")

    def is_retryable(self, exc: BaseException) -> bool:
        """Return whether the call that raised `exc` may succeed later."""
        if isinstance(exc, CalcomBookingException) and not exc.judged:
            if exc.http_status is None:
                return self.transient_errors.no_answer
            return exc.http_status in self.transient_errors.statuses
        if isinstance(exc, AppointmentException):
            return exc.is_retryable()
        return self.transient_errors.no_answer and isinstance(exc, TimeoutError | ConnectionError | socket.gaierror)

    def allows(self, attempt: int, error_type: str | None = None) -> bool:
        """Return whether one more retry is left after `attempt` retries."""
        if self.max_attempts == 0:
            return False
        return attempt < self.per_error.get(error_type or "", self.max_attempts)

    def delay(self, attempt: int, exc: BaseException | None = None) -> float:
        """Return the seconds to wait before retry number `attempt` (0 is the first).

        The wait that the other side wants (`exc.retry_after`, seconds) is returned unchanged; after a broken deadlock
        or a lost database connection the wait is 0.
        """
        wanted: float | None = getattr(exc, "retry_after", None)
        if wanted is not None and math.isfinite(wanted) and wanted >= 0:
            return float(wanted)
        if is_immediate(exc):
            return 0.0
        base = self.delays[min(attempt, len(self.delays) - 1)]
        return base * (1 + self.rng.uniform(-self.jitter, self.jitter))

    def get_config(self) -> dict[str, Any]:
        """Return the policy as JSON types, for logs and `booking check`."""
        return {
            "max_attempts": self.max_attempts,
            "delays": list(self.delays),
            "jitter": self.jitter,
            "transient_errors": self.transient_errors.text,
            "per_error": dict(self.per_error),
        }

    def execute(
        self,
        operation: Callable[[], T],
        correlation_id: str | None = None,
        *,
        sleep: Callable[[float], object] | None = None,
        on_retry: Callable[[Retry], object] | None = None,
    ) -> T:
        """Call `operation` until it succeeds, and return its result; without Celery, in this thread.

        After a 429 this method waits as long as the answer wants; a Celery task holds its booking instead. The
        correlation id is bound around each call.

        Raises:
            Exception: The last error of `operation`, unchanged: it is not retryable, or no retry is left.
        """
        wait = sleep or threading.Event().wait
        with correlation.bound(correlation_id) as bound_id:
            attempt = 0
            while True:
                try:
                    return operation()
                except Exception as exc:
                    kind = error_type(exc)
                    if not (self.is_retryable(exc) and self.allows(attempt, kind)):
                        raise
                    pause = self.delay(attempt, exc)
                if on_retry:
                    on_retry(Retry(attempt, pause, kind, bound_id))
                wait(pause)
                attempt += 1


def is_immediate(exc: BaseException | None) -> bool:
    """Return whether to retry at once: after a broken deadlock or a lost database connection."""
    return isinstance(exc, AppointmentDatabaseException) and (exc.is_deadlock() or exc.error_type in AT_ONCE)


def error_type(exc: BaseException) -> str:
    """Return the kind of failure of `exc`, one of a small closed set; `other`: an unknown kind."""
    named: str | None = getattr(exc, "error_type", None)
    status: int | None = getattr(exc, "http_status", None)
    if named:
        return named
    if status is not None:
        return _STATUS_TYPES.get(status, "other")
    if isinstance(exc, TimeoutError):
        return "timeout"
    if isinstance(exc, socket.gaierror):
        return "dns"
    if isinstance(exc, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "reset"
    return "connect" if isinstance(exc, ConnectionError) else "other"

"""Connections to Postgres with a deadline, whose own time-outs end nothing while it is frozen.

A server that stood still does what it was sent meanwhile, though its sender was told that it was not done. So a bounded
statement does nothing that comes too late, by the server's clock.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen, PQGenConn

RV = TypeVar("RV")
_NEVER = float("inf")
_ends_at: ContextVar[float | None] = ContextVar("deadline_ends_at", default=None)  # monotonic


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Bound all that this block asks of Postgres together, connecting included; None: it may take as long as it likes.

    What is out of time ends as an OperationalError on a closed connection: Postgres rolls back, unless it was asked to
    commit; then nobody knows.
    """
    token = _ends_at.set(_NEVER if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def remaining(seconds: float | None) -> float | None:
    """Return how many seconds may be waited for something that may take `seconds` (None: for ever), by the deadline."""
    ends_at = _ends_at.get()
    if ends_at is None or ends_at == _NEVER:
        return seconds
    left = max(ends_at - time.monotonic(), 0.0)
    return left if seconds is None else min(seconds, left)


def connect_in_time(connecting: PQGenConn[RV]) -> PQGenConn[RV]:
    """Connect before the block's deadline: libpq's own connect_timeout knows nothing below two seconds."""
    try:
        wanted = next(connecting)
        while True:
            ready = yield wanted
            if time.monotonic() >= (_ends_at.get() or _NEVER):
                raise psycopg.errors.ConnectionTimeout("connection timeout expired")
            wanted = connecting.send(ready)
    except StopIteration as connected:
        made: RV = connected.value
        return made


class DeadlineConnection(psycopg.Connection[Any]):
    """Hang up on a server that does not answer in time."""

    answer_within = _NEVER  # seconds for one exchange, outside any `deadline`

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for one exchange to end; a `timeout` is psycopg's own, for what it can do without."""
        ends_at = _ends_at.get() or time.monotonic() + self.answer_within
        if timeout is not None or ends_at == _NEVER:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, max(ends_at - time.monotonic(), 0.0))
        except psycopg.OperationalError:
            if time.monotonic() >= ends_at:
                self.close()
            raise

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        return connect_in_time(super()._connect_gen(conninfo))


class ServerClock:
    """Know the server's time by its answer, which is read once a connection, and our own monotonic clock."""

    def __init__(self) -> None:
        self.said: datetime | None = None
        self.read_at = 0.0

    def must_be_read(self, seconds: float | None, *, again: bool) -> bool:
        """Return whether `not_after` needs its time; if so, it is read from now on."""
        needed = seconds is not None and seconds != _NEVER and (again or self.said is None)
        if needed:
            self.read_at = time.monotonic()
        return needed

    def not_after(self, seconds: float | None) -> datetime | None:
        """Return the server's time in `seconds` from now; None: there is no such bound."""
        if seconds is None or seconds == _NEVER or self.said is None:
            return None
        return self.said + timedelta(seconds=time.monotonic() + seconds - self.read_at)

"""One id that joins everything said about one booking: log lines, task headers, event rows, Cal.com's metadata."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def new() -> str:
    """Return a fresh correlation id: 32 hexadecimal digits that say nothing about anybody.

    The first 12 say when it was made, so that the index of them grows at its end: of random ones each would cost
    PostgreSQL a page of WAL.
    """
    return f"{time.time_ns() // 1_000_000:012x}{uuid.uuid4().hex[12:]}"


def current() -> str | None:
    """Return the correlation id bound in this thread or coroutine, if any."""
    return _current.get()


@contextmanager
def bound(correlation_id: str | None = None) -> Iterator[str]:
    """Bind `correlation_id` (None: the id that is bound, or a new one) until the block ends, and yield it.

    The id that was bound before comes back, also when the block raises: a worker's thread serves many bookings.
    """
    bound_id = correlation_id or _current.get() or new()
    token = _current.set(bound_id)
    try:
        yield bound_id
    finally:
        _current.reset(token)

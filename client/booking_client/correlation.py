"""One id for everything that concerns one booking: log lines, task headers, event rows, Cal.com's metadata."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def new() -> str:
    """Return a new correlation id: 32 hexadecimal digits without personal data.

    The first 12 digits are the time, so that PostgreSQL's index grows at its end: a random id would cost a page of WAL
    each time.
    """
    return f"{time.time_ns() // 1_000_000:012x}{uuid.uuid4().hex[12:]}"


def current() -> str | None:
    """Return the correlation id of this thread or coroutine; None: no id is bound."""
    return _current.get()


@contextmanager
def bound(correlation_id: str | None = None) -> Iterator[str]:
    """Bind `correlation_id` (None: the id that is bound, or a new one) until the block ends, and yield it.

    After the block the earlier id is bound again, also after an error: a worker's thread serves many bookings.
    """
    bound_id = correlation_id or _current.get() or new()
    token = _current.set(bound_id)
    try:
        yield bound_id
    finally:
        _current.reset(token)

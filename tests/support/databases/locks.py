"""Say in a test that a statement waits for no other transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy.exc import OperationalError


@contextmanager
def no_wait_for_a_lock() -> Iterator[None]:
    """Let a test fail where a statement of this block waits for a lock longer than its `lock_timeout`, or at all."""
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        pytest.fail(f"it waits for what another transaction has locked: {error.orig}")

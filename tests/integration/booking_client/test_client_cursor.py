"""A cursor misses no end, whatever of PostgreSQL's numbers a crash forgets."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from booking_client import Bookings
from tests.integration.booking_client.test_client_settled import confirm, ids, settle


@pytest.fixture
def bookings(database_url: str) -> Iterator[Bookings]:
    """Hand out a client of a migrated database without rows."""
    with Bookings(database_url) as client:
        yield client


@pytest.fixture
def unhurried(database_url: str) -> Iterator[None]:
    """Have PostgreSQL write what nobody waits for ten seconds later, and not a fifth of one."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        conn.execute("SELECT pg_reload_conf()")
    yield
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM RESET wal_writer_delay")
        conn.execute("SELECT pg_reload_conf()")


def use_up(url: str, numbers: int) -> None:
    """Have so many transactions that are rolled back."""
    with psycopg.connect(url, autocommit=True) as conn:
        for _ in range(numbers):
            with conn.transaction(force_rollback=True):
                conn.execute("SELECT pg_current_xact_id()")


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("passed", [0, 200], ids=["before their numbers are passed", "after"])
def test_a_cursor_of_now_counts_nothing_as_seen_that_a_crash_forgets(
    bookings: Bookings, database_url: str, postgres: Any, record: Any, passed: int
) -> None:
    """PostgreSQL forgets what was rolled back just before, and gives its numbers to the next transactions."""
    settle(record)
    row = record.claimed()
    use_up(database_url, 50)
    cursor = bookings.cursor()
    postgres.kill()
    postgres.recover()
    record.engine.dispose()
    with record.engine.begin() as conn:
        confirm(conn, row)
    use_up(database_url, passed)

    assert ids(bookings.settled_since(cursor)) == [row.id]


@pytest.mark.usefixtures("unhurried")
def test_a_cursor_after_an_end_counts_nothing_as_seen_that_a_crash_forgets(
    bookings: Bookings, database_url: str, postgres: Any, record: Any
) -> None:
    """Not what has such a number and commits late, either."""
    first, late, early = settle(record), record.claimed(), record.claimed()
    use_up(database_url, 50)
    [ended] = bookings.settled_since()
    postgres.kill()
    postgres.recover()
    record.engine.dispose()
    with record.engine.connect() as slow:
        confirm(slow, late)
        use_up(database_url, 100)
        with record.engine.begin() as conn:
            confirm(conn, early)
        [then] = bookings.settled_since(ended.cursor)
        slow.commit()

    assert (ids([ended]), ids([then])) == ([first], [early.id])
    assert ids(bookings.settled_since(then.cursor)) == [late.id]

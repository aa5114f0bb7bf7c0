"""A Postgres that does not answer is hung up on; who is frozen in mid-transaction keeps nothing from the others."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db import appointments
from db.connection import deadline, remaining
from db.engine import make_engine
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tasks.host.database_errors import as_appointment_error
from tests.support.fleet import eventually


@pytest.fixture
def engines(database_url: str) -> Iterator[Callable[..., Engine]]:
    """Make engines that end with the test."""
    made: list[Engine] = []

    def make(**bounds: float) -> Engine:
        made.append(make_engine(database_url, **bounds))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


def ask(engine: Engine, *statements: str) -> None:
    """Ask Postgres something, in one transaction."""
    with engine.begin() as conn:
        for statement in statements or ("SELECT 1",):
            conn.execute(text(statement))


def test_a_frozen_server_is_hung_up_on(engines: Callable[..., Engine], postgres: Any) -> None:
    """It cannot keep its own time-outs; and no connection that hangs stays in the pool."""
    engine = engines(statement_timeout_ms=10_000)
    with engine.connect() as conn:
        driver: Any = conn.connection.driver_connection
        assert driver.answer_within > 10, "the server has its time first"
        driver.answer_within = 0.2
    postgres.pause()
    with pytest.raises(OperationalError):
        ask(engine)
    postgres.resume()
    ask(engine)


@pytest.mark.fresh_database
def test_a_deadline_bounds_all_that_a_block_asks_together(engines: Callable[..., Engine]) -> None:
    """Whatever the server is busy with: the caller is told in time, and what was asked is rolled back."""
    engine, other = engines(statement_timeout_ms=60_000, lock_timeout_ms=0), engines()
    ask(engine, "CREATE TABLE asked (n integer)")
    with other.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(1)"))
        with deadline(0.5), pytest.raises(OperationalError) as refused:
            ask(engine, "INSERT INTO asked VALUES (1)", "SELECT pg_advisory_lock(1)")
        assert getattr(refused.value.orig, "sqlstate", None) is None, "not the server has ended it"
        assert holder.execute(text("SELECT count(*) FROM asked")).scalar_one() == 0


def test_what_a_block_has_asked_is_taken_from_the_time_of_what_it_asks_next(engines: Callable[..., Engine]) -> None:
    """The deadline is one for all."""
    engine = engines()
    with deadline(60):
        ask(engine, "SELECT pg_sleep(0.2)")
        assert (remaining(None) or 60) <= 59.8


def test_who_finds_all_connections_taken_waits_no_longer_than_it_may(engines: Callable[..., Engine]) -> None:
    """Frozen calls may hold them all; a caller with a deadline is told in time, any other waits for its turn."""
    engine = engines(pool_size=1, pool_timeout_s=60)

    def impatient() -> None:
        with deadline(0.2):
            ask(engine)

    with engine.connect() as taken, ThreadPoolExecutor(2) as threads:
        refused = threads.submit(impatient)
        assert refused in wait([refused], timeout=30).done, "refused before it is free again"
        assert isinstance(refused.exception(), PoolTimeoutError)
        assert "are in use" in str(as_appointment_error(refused.exception()))
        waiting = threads.submit(ask, engine)
        assert waiting not in wait([waiting], timeout=0.2).done
        taken.close()
        assert waiting.result(30) is None


def test_a_migration_has_all_the_time_that_it_needs(engines: Callable[..., Engine]) -> None:
    """A large table takes long; no deadline but its own ends it."""
    engine = engines()
    with engine.connect() as conn:
        driver: Any = conn.connection.driver_connection
        driver.answer_within = 0.1  # who has no time of his own is hung up on after it
    with deadline(None):
        ask(engine, "SELECT pg_sleep(0.5)")


def test_a_process_frozen_in_mid_claim_keeps_the_booking_from_nobody(
    record: Any, engines: Callable[..., Engine]
) -> None:
    """Postgres ends a transaction that says nothing more; else its lock would last as long as the process is frozen."""
    frozen, other = engines(statement_timeout_ms=60_000), engines()
    row = record.keep()
    conn = frozen.connect()
    assert appointments.claim(conn, row.id, lease_seconds=50)
    assert not record.sweep(queue_sweeps.unsent, BOOKINGS, 10, queue_empty=True, patience_seconds=-1), "it is locked"
    assert conn.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "1min"
    conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 100"))  # it is over

    def claimed() -> bool:
        with other.begin() as conn:
            return appointments.claim(conn, row.id, lease_seconds=50) is not None

    eventually(claimed, what="another worker claims it")
    with pytest.raises(DBAPIError) as woken:
        conn.execute(text("COMMIT"))
    assert as_appointment_error(woken.value).is_retryable()
    conn.invalidate()
    conn.close()


def test_a_first_look_that_is_cut_off_is_a_database_that_does_not_answer(engines: Callable[..., Engine]) -> None:
    """SQLAlchemy's look at a server once ended so, after a deadline; who asks again gets a connection."""
    engine, cut_off = engines(), NotImplementedError()

    def look(*_: Any) -> None:
        raise cut_off

    event.listen(engine, "connect", look)
    with pytest.raises((OperationalError, NotImplementedError)) as raised:
        ask(engine)
    event.remove(engine, "connect", look)

    assert raised.type is OperationalError
    assert as_appointment_error(raised.value).error_type == "lost_connection"
    ask(engine)

"""The engine: bounded waits, restarts survived, and nothing personal in its errors."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from db.engine import make_engine
from db.snapshot import snapshot


def show(conn: Any, setting: str) -> str:
    """Ask for a setting of the session."""
    value: str = conn.execute(text(f"SHOW {setting}")).scalar_one()
    return value


def test_sessions_speak_utc_and_bound_their_waits(database_url: str) -> None:
    """What was asked for is what the server keeps to."""
    engine = make_engine(database_url, statement_timeout_ms=50_000, lock_timeout_ms=40_000)
    with engine.connect() as conn:
        settings = [show(conn, name) for name in ("timezone", "statement_timeout", "lock_timeout", "application_name")]
    engine.dispose()

    assert settings == ["UTC", "50s", "40s", "booking-worker"]


def test_what_the_url_says_wins(database_url: str) -> None:
    """An operator's own options are added to ours, and come last."""
    engine = make_engine(f"{database_url}?application_name=mine&options=-c%20statement_timeout%3D7s")
    with engine.connect() as conn:
        settings = [show(conn, name) for name in ("timezone", "statement_timeout", "application_name")]
    engine.dispose()

    assert settings == ["UTC", "7s", "mine"]


@pytest.mark.parametrize(("query", "prepared"), [("", 1), ("?prepare_threshold=none", 0), ("?prepare_threshold=0", 2)])
def test_the_url_says_whether_statements_are_prepared(database_url: str, query: str, prepared: int) -> None:
    """Some poolers know no prepared statements: with `none` there are none, also where one is asked for."""
    engine = make_engine(f"{database_url}{query}")
    with engine.connect() as conn:
        driver: Any = conn.connection.driver_connection
        driver.execute("SELECT 1", prepare=True)
        seen = driver.execute("SELECT statement FROM pg_prepared_statements").fetchall()
    engine.dispose()

    assert len(seen) == prepared


def test_a_statement_that_takes_too_long_is_ended(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread hangs in Postgres."""
    monkeypatch.setattr("db.engine._LATER", 60.0)  # it is the server that ends it, however slowly
    url = f"{database_url}?options=-c%20idle_in_transaction_session_timeout%3D0"  # nor for the time between two
    engine = make_engine(url, statement_timeout_ms=1_000)
    with pytest.raises(OperationalError, match="statement timeout"), engine.connect() as conn:
        conn.execute(text("SELECT pg_sleep(20)"))
    engine.dispose()


def test_nobody_waits_long_for_a_server_that_is_not_there() -> None:
    """A refused connection is an error, without the password."""
    engine = make_engine("postgresql://ann:s3cret@127.0.0.1:9/bookings")

    with pytest.raises(OperationalError) as refused, engine.connect():
        pass

    assert "s3cret" not in str(refused.value)


def test_a_refused_login_does_not_tell_the_password(database_url: str) -> None:
    """Wrong credentials are said without the credentials."""
    engine = make_engine(database_url.replace("postgresql://booking:", "postgresql://booking:s3cret"))

    with pytest.raises(OperationalError, match="password authentication failed") as refused, engine.connect():
        pass

    assert "s3cret" not in str(refused.value)


def test_an_error_tells_the_rule_and_not_the_row(record: Any) -> None:
    """`Failing row contains (...)` and the parameters hold names and phone numbers; neither is in the error."""
    row = record.keep(attendee_name="Pat Private", attendee_phone="+12025550142")

    with pytest.raises(IntegrityError, match="appointments_attendee_reachable") as refused:
        record.write(row.id, attendee_email=None, attendee_phone=None, last_error="Pat Private")

    seen = f"{refused.value} {refused.value!r} {refused.value.orig} {refused.value.orig!r} {refused.value.args}"
    assert "Private" not in seen
    assert "Failing row" not in seen
    assert refused.value.orig.diag.constraint_name == "appointments_attendee_reachable"


def test_an_error_about_a_value_does_not_tell_the_context(engine: Engine) -> None:
    """A server's message about JSON repeats the JSON in its CONTEXT; only its first line is kept."""
    with pytest.raises(DBAPIError) as refused, engine.connect() as conn:
        conn.execute(text("SELECT CAST(:value AS jsonb)"), {"value": '{"name": "Pat Private", oops'})

    assert "invalid input syntax for type json" in str(refused.value)
    assert "Private" not in f"{refused.value} {refused.value.orig}"


def test_an_error_in_sql_still_says_what_is_wrong(engine: Engine) -> None:
    """What engineers need stays."""
    with pytest.raises(ProgrammingError, match='column "nonsense" does not exist'), engine.connect() as conn:
        conn.execute(text("SELECT nonsense"))


def test_a_restarted_server_costs_idle_connections_no_error(postgres: Any, engine: Engine) -> None:
    """Every pooled connection is found dead before it is used, and replaced."""
    with ExitStack() as together:
        for _ in range(5):
            together.enter_context(engine.connect()).execute(text("SELECT 1"))

    postgres.restart()

    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(lambda _: _ask(engine, "SELECT 1"), range(20))) == [1] * 20


def test_a_connection_that_the_server_ended_is_replaced(engine: Engine) -> None:
    """An administrator's pg_terminate_backend, or a server's idle time-out, is nobody's error."""
    with engine.connect() as conn:
        backend = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    other = make_engine(engine.url.render_as_string(hide_password=False))
    with other.connect() as conn:
        conn.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
    other.dispose()

    with engine.connect() as conn:
        assert conn.execute(text("SELECT pg_backend_pid()")).scalar_one() != backend


def _ask(engine: Engine, question: str) -> Any:
    with engine.connect() as conn:
        return conn.execute(text(question)).scalar_one()


@pytest.mark.fresh_database
def test_connections_to_a_server_that_takes_no_writes_are_replaced(database_url: str) -> None:
    """A failover, or a disk that was full: it keeps the sessions, and each of them would stay as it is for good."""
    with psycopg.connect(database_url, autocommit=True) as admin, ExitStack() as stack:
        admin.execute("CREATE TABLE one (number integer)")
        for_new_ones = f'ALTER DATABASE "{admin.info.dbname}" {{}} default_transaction_read_only'
        engine = make_engine(database_url)
        stack.callback(engine.dispose)
        admin.execute(for_new_ones.format("SET") + " = on")
        stack.callback(admin.execute, for_new_ones.format("RESET"))
        with engine.connect() as first, engine.connect() as second:  # two of the pool
            assert (show(first, "transaction_read_only"), show(second, "transaction_read_only")) == ("on", "on")
        with pytest.raises(DBAPIError, match="read-only"), engine.begin() as conn:
            conn.execute(text("INSERT INTO one VALUES (1)"))
        admin.execute(for_new_ones.format("RESET"))
        with engine.connect() as first, engine.connect() as second:
            assert (show(first, "transaction_read_only"), show(second, "transaction_read_only")) == ("off", "off")


@pytest.mark.fresh_database
def test_reads_that_belong_together_are_of_one_moment(database_url: str) -> None:
    """What is written between two of them is in neither, and the next who has this connection reads and writes."""
    engine = make_engine(database_url, pool_size=1)
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("CREATE TABLE one (number integer)")
        count = text("SELECT count(*) FROM one")
        with snapshot(engine) as conn:
            before = conn.execute(count).scalar_one()
            other.execute("INSERT INTO one VALUES (1)")
            after = conn.execute(count).scalar_one()
        with engine.begin() as conn:
            conn.execute(text("INSERT INTO one VALUES (2)"))
            later = conn.execute(count).scalar_one()
    engine.dispose()

    assert (before, after, later) == (0, 0, 2)

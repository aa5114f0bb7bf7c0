"""In the caller's own transaction a booking exists if and only if the caller commits, whatever driver is under it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import django
import pg8000.dbapi
import psycopg
import psycopg2
import pytest
from django.conf import settings as django_settings
from django.db import connections as django_connections
from django.db import transaction as django_transaction
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from booking_client import AppointmentDatabaseException, AsyncBookings, Bookings
from booking_client.database.statements import Query
from booking_client.database.transactions import in_transaction
from tests.integration.booking_client.test_client_kept import wanted

Transaction = Callable[[str], AbstractContextManager[tuple[Any, Callable[[], None]]]]
SCHEMA = (
    "CREATE SCHEMA host; CREATE TABLE host.appointments (id int)"  # a table of the host's own, with our table's name
)


def patient(url: str) -> str:
    """Log in as a role whose password is hashed often enough for pg8000; the tests' own is not."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"patient:patient@{parts.hostname}:{parts.port}").geturl()


@contextmanager
def by_psycopg(url: str) -> Iterator[tuple[Any, Callable[[], None]]]:
    """A connection of the caller's, whose rows are dictionaries."""
    with closing(psycopg.connect(url, row_factory=psycopg.rows.dict_row)) as conn:
        conn.execute("SET search_path = host, pg_temp")
        yield conn, conn.commit


@contextmanager
def by_psycopg2(url: str) -> Iterator[tuple[Any, Callable[[], None]]]:
    """The driver before."""
    with closing(psycopg2.connect(url)) as conn:
        conn.cursor().execute("SET search_path = host, pg_temp")
        yield conn, conn.commit


@contextmanager
def by_pg8000(url: str) -> Iterator[tuple[Any, Callable[[], None]]]:
    """A driver that counts its parameters."""
    parts = urlsplit(patient(url))
    with closing(
        pg8000.dbapi.connect(
            user=parts.username or "",
            password=parts.password,
            host=parts.hostname or "",
            port=parts.port or 0,
            database=parts.path[1:],
        )
    ) as conn:
        conn.cursor().execute("SET search_path = host, pg_temp")
        yield conn, conn.commit


def by_sqlalchemy(driver: str, *, session: bool) -> Transaction:
    """A session, or a connection, of the caller's own engine."""

    @contextmanager
    def begin(url: str) -> Iterator[tuple[Any, Callable[[], None]]]:
        engine = create_engine((patient(url) if driver == "pg8000" else url).replace(":", f"+{driver}:", 1))
        with Session(engine) if session else engine.connect() as conn:
            (conn.connection() if isinstance(conn, Session) else conn).exec_driver_sql(
                "SET search_path = host, pg_temp"
            )
            yield conn, conn.commit
        engine.dispose()

    return begin


@contextmanager
def by_django(url: str) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Django's connection in `transaction.atomic()`."""
    parts = urlsplit(url)
    settings = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username,
        "PASSWORD": parts.password,
        "HOST": parts.hostname,
        "PORT": str(parts.port),
        "OPTIONS": {"options": "-c search_path=host,pg_temp"},
    }
    if not django_settings.configured:
        django_settings.configure(DATABASES={"default": settings}, USE_TZ=True)
        django.setup()
    django_connections.databases["booking"] = {**django_connections.databases["default"], **settings}
    committed = []
    connection = django_connections["booking"]
    try:
        with django_transaction.atomic(using="booking"):
            yield connection, lambda: committed.append(True)
            if not committed:
                django_transaction.set_rollback(True, using="booking")
    finally:
        connection.close()
        del django_connections["booking"]


KINDS: dict[str, Transaction] = {
    "psycopg": by_psycopg,
    "psycopg2": by_psycopg2,
    "pg8000": by_pg8000,
    "session": by_sqlalchemy("psycopg", session=True),
    "connection": by_sqlalchemy("psycopg", session=False),
    "session of psycopg2": by_sqlalchemy("psycopg2", session=True),
    "connection of pg8000": by_sqlalchemy("pg8000", session=False),
    "django": by_django,
}


@pytest.fixture
def host(database_url: str) -> Iterator[str]:
    """Hand out the URL of a database in which the host has tables of its own; they end with the test."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(SCHEMA)
        conn.execute("SET scram_iterations = 4096")
        conn.execute("CREATE ROLE patient SUPERUSER LOGIN PASSWORD 'patient'")
    yield database_url
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("DROP SCHEMA host CASCADE")
        conn.execute("DROP ROLE patient")


def kept(url: str) -> list[tuple[int, str]]:
    """Return what is kept."""
    with psycopg.connect(url) as conn:
        return conn.execute("SELECT id, status FROM public.appointments ORDER BY id").fetchall()


@pytest.mark.parametrize("kind", KINDS)
def test_a_booking_exists_if_and_only_if_the_caller_commits(kind: str, host: str) -> None:
    """One, many and a known one, in a transaction that is rolled back and in one that is committed."""
    bookings = Bookings(host)
    with KINDS[kind](host) as (connection, _):
        bookings.enqueue(wanted(1), connection=connection)
    assert kept(host) == []

    with KINDS[kind](host) as (connection, commit):
        first = bookings.enqueue(wanted(1, metadata={"share": "100 %"}), connection=connection)
        again, second = bookings.enqueue_many([wanted(1), wanted(2, idempotency_key="%s")], connection=connection)
        assert kept(host) == []
        commit()

    assert (again.appointment_id, again.duplicate) == (first.appointment_id, True)  # type: ignore[union-attr]
    assert kept(host) == [(first.appointment_id, "pending"), (second.appointment_id, "pending")]


@pytest.mark.fresh_database
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_ours_whatever_the_driver(kind: str, host: str) -> None:
    """Its SQLSTATE is found, and no row's values stand in it."""
    with psycopg.connect(host) as conn:
        conn.execute("ALTER TABLE appointments ADD CHECK (attendee_name <> 'Pat Example')")
    with (
        pytest.raises(AppointmentDatabaseException) as raised,
        KINDS[kind](host) as (connection, _),
    ):
        Bookings(host).enqueue(wanted(1), connection=connection)

    assert raised.value.sql_error_code == "23514"
    assert "Pat" not in f"{raised.value}{raised.value.__context__ if not raised.value.__suppress_context__ else ''}"


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_read_by_their_order_whatever_the_caller_has(kind: str, host: str) -> None:
    """The caller's own connection may give dictionaries."""
    with KINDS[kind](host) as (connection, _):
        rows = in_transaction(connection)(Query("SELECT 7, CAST('a' AS text)", {}))

    assert [tuple(row) for row in rows] == [(7, "a")]


@pytest.mark.parametrize("kind", ["psycopg", "session", "connection"])
def test_a_booking_exists_if_and_only_if_the_coroutine_commits(kind: str, host: str) -> None:
    """By psycopg's AsyncConnection, and by SQLAlchemy's AsyncSession and AsyncConnection."""

    async def ask(*, commit: bool) -> None:
        bookings = AsyncBookings(host)
        if kind == "psycopg":
            async with await psycopg.AsyncConnection.connect(host) as conn:
                await bookings.enqueue(wanted(1), connection=conn)
                await (conn.commit() if commit else conn.rollback())
            return
        engine = create_async_engine(host.replace("postgresql:", "postgresql+psycopg:"))
        async with AsyncSession(engine) if kind == "session" else engine.connect() as session:
            await bookings.enqueue(wanted(1), connection=session)
            if commit:
                await session.commit()
        await engine.dispose()

    asyncio.run(ask(commit=False))
    assert kept(host) == []

    asyncio.run(ask(commit=True))
    assert [status for _, status in kept(host)] == ["pending"]


def test_what_is_no_connection_is_refused_in_words(host: str) -> None:
    """As an asynchronous one is by `Bookings`, and the other way round."""
    with pytest.raises(TypeError, match="must be a psycopg connection"):
        Bookings(host).enqueue(wanted(1), connection="default")
    with psycopg.connect(host) as conn, pytest.raises(TypeError, match="AsyncConnection"):
        asyncio.run(AsyncBookings(host).enqueue(wanted(1), connection=conn))
    engine = create_async_engine(host.replace("postgresql:", "postgresql+psycopg:"))
    with pytest.raises(TypeError, match="is for AsyncBookings"):
        Bookings(host).enqueue(wanted(1), connection=AsyncSession(engine))


@pytest.mark.fresh_database
def test_after_a_restore_our_trigger_finds_our_tables(host: str) -> None:
    """It runs in the caller's session, whose search path is the caller's."""
    with psycopg.connect(host) as conn:
        conn.execute("ALTER TABLE appointments ENABLE TRIGGER appointments_take_restored")
    with by_psycopg(host) as (connection, commit):
        Bookings(host).enqueue(wanted(1), connection=connection)
        commit()

    assert len(kept(host)) == 1

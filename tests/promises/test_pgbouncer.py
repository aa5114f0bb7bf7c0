"""Behind PgBouncer in transaction mode, configured as docs/deploying.md says, nothing is lost or booked twice."""

import configparser
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from db import appointments, revisions
from db.engine import make_engine
from db.lifecycle import Status
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from resilience.exceptions import AppointmentDatabaseException
from tasks import dependencies
from tasks.enqueue import Outcome
from tasks.host.database_errors import as_appointment_error
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.servers.patience import PATIENT, patient_callers
from worker import enqueue_booking, enqueue_bookings
from worker.local import embedded
from worker.local.embedded.find import server_user
from worker.local.embedded.postgres import USER
from worker.local.embedded.server import HOST, Server, ServerLayout, here

pytestmark = pytest.mark.debian_pgbouncer

DOCUMENT = Path(__file__).parents[2] / "docs" / "deploying.md"
PROGRAMS = Path("/usr/sbin")
POOL = 3  # connections of PostgreSQL, for a fleet of many more threads
POST = {"method": "POST", "path": "/v2/bookings"}
UNPREPARED = "?prepare_threshold=none"
# The two ways of the document: PgBouncer knows prepared statements, or there are none.
WAYS = pytest.mark.parametrize(("query", "prepared"), [("", 200), (UNPREPARED, 0)], ids=["prepared", "unprepared"])
TIME_OUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "timezone")


def written(language: str) -> str:
    """Return what the document gives in this language."""
    [block] = re.findall(rf"^ *```{language}\n(.*?)^ *```", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(block)


@dataclass
class PgBouncer(Server):
    """Debian's PgBouncer before one PostgreSQL, as documented but for places, users and numbers."""

    behind: int = 0
    """The port of that PostgreSQL."""
    prepared: int = 0
    """How many prepared statements it keeps for each of its connections."""

    name = "pgbouncer"
    program = "pgbouncer"

    @property
    def steps(self) -> Sequence[tuple[str, float]]:
        """At once: the others wait for its clients."""
        return [("SIGQUIT", 5.0)]

    @property
    def url(self) -> str:
        """The URL of its console."""
        return self.url_of("pgbouncer")

    def url_of(self, database: str) -> str:
        """Return the URL of a database behind it."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make its folder."""
        self.own(self.work)

    def argv(self, port: int) -> list[str]:
        """Write down its configuration and its one user."""
        configuration = configparser.ConfigParser(interpolation=None)
        configuration.read_string(written("ini"))
        configuration["databases"] = {"*": f"host={HOST} port={self.behind}"}
        configuration["pgbouncer"].update(
            listen_addr=HOST,
            listen_port=str(port),
            unix_socket_dir="",
            auth_file=f"{here(self.work)}/userlist.txt",
            admin_users=USER,
            default_pool_size=str(POOL),
            max_prepared_statements=str(self.prepared),
        )
        (self.work / "userlist.txt").write_text(f'"{USER}" "{self.password}"\n')
        with (self.work / "pgbouncer.ini").open("w") as file:
            configuration.write(file)
        for path in self.work.iterdir():
            path.chmod(0o644)  # in a folder that only its user enters
        return [str(self.layout.programs / self.program), f"{here(self.work)}/pgbouncer.ini"]

    def answers(self, port: int) -> bool:
        """Log in to its console."""
        try:
            self.tell("SHOW VERSION", port)
        except psycopg.OperationalError:
            return False
        return True

    def tell(self, order: str, port: int | None = None) -> list[tuple[Any, ...]]:
        """Give an order by its console, which has a grammar of its own."""
        with (
            psycopg.connect(
                host=HOST,
                port=port or self.port,
                user=USER,
                password=self.password,
                dbname="pgbouncer",
                connect_timeout=PATIENT,
                autocommit=True,
            ) as console,
            psycopg.ClientCursor(console) as cursor,
        ):
            cursor.execute(order)
            return cursor.fetchall() if cursor.description else []


Start = Callable[[int], PgBouncer]
Settings = Callable[..., dict[str, str]]


@pytest.fixture
def start(session_postgres: embedded.Postgres, database_url: str) -> Iterator[Start]:
    """Start a PgBouncer that keeps so many prepared statements; the role of this test's database has its time-outs."""
    database = database_url.rpartition("/")[2]
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(written("sql").replace("IN DATABASE booking ", f"IN DATABASE {database} ").encode())
    with embedded.Guard() as guard:

        def begin(prepared: int) -> PgBouncer:
            layout = ServerLayout(guard.folder(), PROGRAMS, server_user(), durable=False)
            password, port = session_postgres.password, session_postgres.port or 0
            server = PgBouncer(guard, layout, password=password, behind=port, prepared=prepared)
            server.prepare()
            server.start()
            return server

        yield begin
    with psycopg.connect(database_url, autocommit=True) as admin:
        reset = sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL")
        admin.execute(reset.format(sql.Identifier(USER), sql.Identifier(database)))


@pytest.fixture
def engines() -> Iterator[Callable[[str], Engine]]:
    """Make engines that end with the test."""
    with ExitStack() as made:

        def make(url: str) -> Engine:
            engine = make_engine(url)
            made.callback(engine.dispose)
            return engine

        yield make


def through(server: PgBouncer, url: str, query: str = "") -> str:
    """Return the URL by which the database of `url` is reached through a PgBouncer."""
    return server.url_of(url.rpartition("/")[2]) + query


def answers(url: str) -> bool:
    """Say whether a statement is answered."""
    try:
        with psycopg.connect(url, connect_timeout=2) as conn:
            return conn.execute("SELECT 1").fetchone() is not None
    except psycopg.OperationalError:
        return False


def ids(numbers: range) -> list[int]:
    """Enqueue the requests of these numbers; return their ids."""
    return [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in numbers])]


@WAYS
def test_retries_holds_and_releases_book_each_request_once(
    start: Start,
    fleet: Callable[..., Fleet],
    database_url: str,
    simulator: Any,
    judge: Callable[[dict[int, Outcome]], None],
    query: str,
    prepared: int,
) -> None:
    """Sixteen threads, the periodic tasks and a caller share three connections."""
    server = start(prepared)
    running = fleet(DATABASE_URL=through(server, database_url, query), RETRY_DELAYS="0.2,0.2,0.2")
    running.start(concurrency=16)
    simulator.faults("status", name="internal", match=POST, count=4)
    booked = ids(range(25))
    finals(booked)
    breaker = dependencies.current().breaker
    breaker.operators.force_open("operator", "a test")
    held = ids(range(25, 50))
    eventually(lambda: {row(one).status for one in held} == {Status.HELD}, what="all are held")
    breaker.reset("operator", "a test")

    judge(finals(booked + held))
    assert sum(row(one).posts for one in booked) == 25 + 4
    clients, connections = len(server.tell("SHOW CLIENTS")), len(server.tell("SHOW SERVERS"))
    assert connections <= POOL < clients


@pytest.mark.parametrize("dies", ["PgBouncer", "PostgreSQL"])
def test_a_server_killed_in_mid_call_loses_nothing(
    start: Start,
    fleet: Callable[..., Fleet],
    postgres: embedded.Postgres,
    database_url: str,
    simulator: Any,
    judge: Callable[[dict[int, Outcome]], None],
    dies: str,
) -> None:
    """Cal.com's answers come while it is gone: each is written down later, or found by a look."""
    pgbouncer = start(200)
    server = pgbouncer if dies == "PgBouncer" else postgres
    running = fleet(DATABASE_URL=through(pgbouncer, database_url), RETRY_DELAYS="0.2,0.2,0.2")
    enqueued = ids(range(50))
    simulator.faults("latency", delay=0.5, match=POST)
    running.start(concurrency=8)
    eventually(lambda: len(simulator.bookings()) > 8, what="some are booked")
    eventually(lambda: any(call["t1"] is None for call in simulator.journal()), what="calls are in flight")
    server.kill()
    eventually(lambda: all(call["t1"] for call in simulator.journal()), what="their answers have come")
    server.restart()
    eventually(lambda: answers(through(pgbouncer, database_url)), what="it answers through both")

    judge(finals(enqueued))


def test_a_postgres_that_dies_over_a_request_is_not_called_a_refusal(
    start: Start, settings: Settings, postgres: embedded.Postgres, database_url: str
) -> None:
    """PgBouncer says so in its own words, with an SQLSTATE; it may have been kept all the same."""
    server = start(200)
    settings(DATABASE_URL=through(server, database_url))
    with patient_callers():
        enqueue_booking(request(0))  # it is connected
    postgres.pause()
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(enqueue_booking, request(1))
        eventually(lambda: any("active" in line for line in server.tell("SHOW SERVERS")), what="it has been asked")
        postgres.kill()
        with pytest.raises(AppointmentDatabaseException, match="may have kept the request: send the same one again"):
            asked.result(30)


def test_sessions_keep_the_time_outs_that_they_have_without_it(
    start: Start, database_url: str, engines: Callable[[str], Engine]
) -> None:
    """PgBouncer passes over what our connections ask for; the role asks for the same."""
    with engines(database_url).connect() as direct, engines(through(start(0), database_url)).connect() as pooled:
        kept, wanted = (
            [conn.execute(text(f"SHOW {name}")).scalar_one() for name in TIME_OUTS] for conn in (pooled, direct)
        )

    assert kept == wanted
    assert "0" not in kept


@pytest.mark.fresh_database
def test_a_process_frozen_in_mid_transaction_keeps_a_booking_from_nobody(
    start: Start, settings: Settings, database_url: str, engines: Callable[[str], Engine]
) -> None:
    """PostgreSQL ends what the role says is over; the process that was frozen gets an error and goes on."""
    server = start(0)
    settings(DATABASE_URL=through(server, database_url, UNPREPARED))
    [kept] = ids(range(1))
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("ALTER ROLE {} IN DATABASE {} SET idle_in_transaction_session_timeout = '500ms'").format(
                sql.Identifier(USER), sql.Identifier(database_url.rpartition("/")[2])
            )
        )
    server.tell("RECONNECT")
    engine = engines(through(server, database_url, UNPREPARED)).execution_options(isolation_level="AUTOCOMMIT")

    def locked(conn: Connection) -> bool:
        lock = text("SELECT 1 FROM appointments WHERE id = :id FOR UPDATE SKIP LOCKED")
        return conn.execute(lock, {"id": kept}).first() is not None

    def free() -> bool:
        with engine.connect() as conn:
            return locked(conn)

    frozen = engine.connect()
    # One string: it is never idle within the role's half a second until it has been seen that it keeps the lock.
    frozen.exec_driver_sql("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
    assert locked(frozen)
    assert not free()
    frozen.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout TO DEFAULT")
    eventually(free, what="others can lock it")
    with pytest.raises(DBAPIError) as woken:
        frozen.execute(text("SELECT 1"))
    assert as_appointment_error(woken.value).is_retryable()
    frozen.close()
    assert free()


def test_migrations_go_through_it(start: Start, empty_database_url: str, engines: Callable[[str], Engine]) -> None:
    """Their lock and their time-outs are the transaction's own."""
    engine = engines(through(start(0), empty_database_url, UNPREPARED))

    assert revisions.upgrade(engine)[-1] == revisions.head()
    assert revisions.schema_state(engine).problem is None


@pytest.mark.fresh_database
@WAYS
def test_a_migration_is_survived(
    start: Start,
    settings: Settings,
    database_url: str,
    engines: Callable[[str], Engine],
    query: str,
    prepared: int,
) -> None:
    """What PgBouncer's connections have prepared returns the columns of before, until it is told to make others."""
    server = start(prepared)
    settings(DATABASE_URL=through(server, database_url, query))
    [kept] = ids(range(1))
    engine = engines(through(server, database_url, query))

    def send_again() -> None:
        with engine.begin() as conn:
            assert [
                one.id for one in queue_sweeps.unsent(conn, BOOKINGS, 10, queue_empty=True, patience_seconds=-1)
            ] == [kept]

    for _ in range(10):  # psycopg prepares at the sixth
        send_again()
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE appointments ADD COLUMN added text")
    if prepared:
        server.tell("RECONNECT")
    for _ in range(10):
        send_again()


@pytest.mark.fresh_database
def test_a_forgotten_reconnect_costs_one_error_a_connection(
    start: Start, settings: Settings, database_url: str, engines: Callable[[str], Engine]
) -> None:
    """Who meets a stale plan has PgBouncer's connection forget it, and the next of us prepares again."""
    server = start(200)
    settings(DATABASE_URL=through(server, database_url))
    kept = iter(ids(range(40)))
    engine = engines(through(server, database_url))
    alone, together = engine.execution_options(isolation_level="AUTOCOMMIT"), Barrier(POOL)

    def claim_together(_turn: int) -> None:
        with engine.begin() as conn:
            assert appointments.claim(conn, next(kept), lease_seconds=50)
            together.wait(30)  # each of PgBouncer's connections has prepared it

    def refused(_turn: int) -> DBAPIError | None:
        try:
            with alone.connect() as conn:
                assert appointments.claim(conn, next(kept), lease_seconds=50)
        except DBAPIError as error:
            return error
        return None

    with ThreadPoolExecutor(POOL) as threads:
        list(threads.map(claim_together, range(POOL)))
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE appointments ALTER COLUMN leases_lost TYPE bigint")
    stale = [error for error in map(refused, range(30)) if error]

    assert 1 <= len(stale) <= POOL
    assert all(as_appointment_error(error).is_retryable() for error in stale)

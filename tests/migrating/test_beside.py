"""`booking migrate` beside workers and callers: it goes through by itself, and nobody waits for long or is ended."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError

from db import revisions
from db.engine import make_engine
from db.migrating import locks
from db.migrating.waits import sentence
from tests.migrating.busy import Seen, at_work, fill
from tests.running.waiting import eventually
from tests.support.schema.catalogue import tables
from tests.support.schema.later import ALL, FIRST, LISTED, MARKED, release_later

BIG = ("appointments", "appointment_events", "booking_changes", "callbacks", "calcom_webhooks")
_STRONG = text(
    "SELECT DISTINCT CAST(CAST(relation AS regclass) AS text) FROM pg_locks JOIN pg_class AS c ON c.oid = relation"
    " WHERE pid = pg_backend_pid() AND c.relkind = 'r' AND relnamespace = CAST(current_schema AS regnamespace)"
    " AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
)
_INDEXES = text(
    "SELECT indexrelid FROM pg_index WHERE indrelid IN"
    " (SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name)"
)
_FAILING = """
CREATE SEQUENCE tries;
CREATE FUNCTION fail_twice() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('public.tries') < 3 THEN
        RAISE EXCEPTION 'on purpose' USING ERRCODE = '{state}';
    END IF;
END
$$;
CREATE EVENT TRIGGER fail_twice ON ddl_command_start EXECUTE FUNCTION fail_twice();
"""


_WAITING = (
    "SELECT pid FROM pg_stat_activity WHERE starts_with(query, '/* booking migrate */') AND wait_event_type = 'Lock'"
)
_END_BUILDER = _WAITING.replace("pid", "pg_terminate_backend(pid)", 1)


@pytest.fixture
def url(empty_database_url: str) -> str:
    """URL of a database without tables."""
    return empty_database_url


@pytest.fixture
def old(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Connect to a database of the first revision, with the code of a later release."""
    engine = make_engine(url)
    revisions.migrate(engine, FIRST)
    release_later(tmp_path / "migrations", monkeypatch)
    yield engine
    engine.dispose()


class Running:
    """A migration that runs, and the lines that it says."""

    def __init__(self, engine: Engine, to: str = "head") -> None:
        self.said: list[str] = []
        self._hand = ThreadPoolExecutor(1)
        self.done: Future[list[str]] = self._hand.submit(revisions.migrate, engine, to, self.said.append)

    def result(self) -> list[str]:
        """Return what it applied."""
        self._hand.shutdown()
        return self.done.result()


@contextmanager
def holding(url: str, *statements: str) -> Iterator[psycopg.Connection]:
    """Have a session whose transaction has run these statements until the block ends."""
    with psycopg.connect(url, application_name="a report") as conn:
        for statement in statements:
            conn.execute(statement)  # type: ignore[call-overload] - the tests' own words
        yield conn


def test_thousands_of_rows_go_over_beside_those_at_work(old: Engine, url: str) -> None:
    """All revisions, with reports that hold locks in between; nobody who works meets an error, and each goes on."""
    fill(url, 3_000)
    with at_work(url) as seen:
        running = Running(old)
        for table in ("appointments", "appointment_events", "appointments"):
            _hold_up(running, url, table, seen)
        assert running.result() == ALL[1:]
    assert seen.failed == {}


def test_a_lock_that_is_held_is_waited_for_and_callers_go_on(old: Engine, url: str) -> None:
    """However long a report reads; what is waited for is said, with who holds it."""
    with holding(url, "SELECT count(*) FROM appointment_events"):
        running = Running(old, MARKED)
        eventually(lambda: running.said, what="it says for whom it waits")
        with psycopg.connect(url, autocommit=True) as caller:
            caller.execute("SET lock_timeout = '20s'")  # a net: he waits half a second
            assert [_writes(caller) for _ in range(5)] == [True] * 5
    assert running.result() == [MARKED]
    assert running.said[0].startswith(f"{MARKED} waits for a lock on appointment_events: the session ")
    assert "(a report, idle in transaction" in running.said[0]


@pytest.mark.parametrize("state", ["40P01", "55P03"])
def test_a_deadlock_or_a_time_out_is_tried_again(old: Engine, url: str, state: str) -> None:
    """Of a transaction, and of an index that is being built."""
    for to in (MARKED, LISTED):
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(_FAILING.format(state=state))  # type: ignore[call-overload] - our own words
            assert _applied(old, to) == [to]
            admin.execute("DROP EVENT TRIGGER fail_twice; DROP FUNCTION fail_twice; DROP SEQUENCE tries")


def test_who_waits_in_vain_is_told_what_to_do(old: Engine, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten minutes; the database stands where it stood, and says so."""
    monkeypatch.setattr(locks, "LOCKS_PATIENCE", 0.0)
    told = pytest.raises(revisions.RevisionError, match="gave up waiting for")
    with holding(url, "SELECT count(*) FROM appointment_events"), told as refused:
        revisions.migrate(old)
    assert f"the database is at {FIRST}, and works" in str(refused.value)
    assert "run `booking migrate` again" in str(refused.value)
    assert "SQLSTATE" not in str(refused.value)
    assert revisions.migrate(old) == ALL[1:]


def test_an_index_that_was_broken_off_is_built_again(old: Engine, url: str) -> None:
    """What is left of it serves no statement; it is dropped by the next run, and built whole."""
    revisions.migrate(old, MARKED)
    with holding(url, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM appointments"):
        running = Running(old, LISTED)
        eventually(lambda: any("transactions that began before it" in line for line in running.said), what="it waits")
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(_END_BUILDER)
        with pytest.raises(DBAPIError):
            running.result()
        assert _unfinished(url) == ["appointments_marked"]
    assert revisions.migrate(old) == ALL[ALL.index(LISTED) :]
    assert _unfinished(url) == []


def test_a_prepared_transaction_is_said_to_be_one() -> None:
    """It has no session that could be ended."""
    said = sentence("appointments", 0, None, None, None)
    assert said == "a lock on appointments: a prepared transaction holds it (pg_prepared_xacts lists it)"


def test_each_revision_locks_what_it_says_and_reads_no_big_table(old: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its transaction locks no other table of those that were there, and makes no index of a big one."""
    wrong: list[tuple[str, object]] = []
    apply: Callable[[Connection, Any], None] = revisions._apply  # noqa: SLF001 - what a transaction of each does

    def watched(conn: Connection, script: Any) -> None:
        there = set(conn.execute(text("SELECT relname FROM pg_class WHERE relkind = 'r'")).scalars())
        built = set(conn.execute(_INDEXES, {"names": list(BIG)}).scalars())
        big = [name for name in BIG if name in there]
        apply(conn, script)
        locked = set(conn.execute(_STRONG).scalars()) & there - {"booking_schema_version"}
        if more := locked - set(getattr(script.module, "LOCKED", ())):
            wrong.append((script.revision, more))
        if new := set(conn.execute(_INDEXES, {"names": big}).scalars()) - built:
            wrong.append((script.revision, new))

    monkeypatch.setattr(revisions, "_apply", watched)
    assert revisions.migrate(old) == ALL[1:]
    assert wrong == []


def test_big_tables_have_their_indexes_built_while_all_go_on(old: Engine) -> None:
    """None is built under a lock that keeps others from writing."""
    noted = _noted(old, "INDEX ")
    revisions.migrate(old)
    built = [one for one in noted if " ON appointment" in one.partition("(")[0]]
    assert len(built) >= 3
    assert [one for one in built if not one.startswith("CONCURRENTLY ")] == []


def test_where_nothing_is_to_do_nobody_is_waited_for(old: Engine, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every deploy runs it, beside a backup, too."""
    revisions.migrate(old)
    monkeypatch.setattr(locks, "LOCKS_PATIENCE", 0.0)
    with holding(url, "SELECT count(*) FROM appointments"):
        assert _applied(old, "head") == []


def test_another_migration_is_waited_for(old: Engine, url: str) -> None:
    """And that is said; when it has ended, the rest is done."""
    with holding(url, "SELECT pg_advisory_xact_lock(0x626F6F6B696E67)"):
        running = Running(old, MARKED)
        eventually(lambda: running.said, what="it says for whom it waits")
        assert running.said == ["another migration of this database is running: waiting for it"]
    assert running.result() == [MARKED]


def test_tables_are_locked_in_the_workers_order(old: Engine) -> None:
    """In one statement, the bookings first."""
    locked = _noted(old, "LOCK TABLE ")
    revisions.migrate(old)
    revisions.downgrade(old, 1)
    assert "appointments, appointment_events, operator_actions" in locked
    assert locked[-1].startswith("appointments, booking_changes, moved_starts, appointment_events, ")


def test_step_by_step_leads_to_the_tables_of_an_empty_database(old: Engine) -> None:
    """To the last index and constraint."""
    assert revisions.migrate(old) == ALL[1:]
    with old.connect() as conn:
        step_by_step = tables(conn)
    revisions.migrate(old, "base")
    assert revisions.migrate(old) == ALL
    with old.connect() as conn:
        assert tables(conn) == step_by_step


def _noted(engine: Engine, words: str) -> list[str]:
    """Return a list that gets what stands behind these words in each statement."""
    noted: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if f" {words}" in statement and "DROP" not in statement:
            noted.append(statement.partition(f" {words}")[2])

    return noted


def _applied(engine: Engine, to: str) -> list[str]:
    try:
        return revisions.migrate(engine, to)
    except (DBAPIError, revisions.RevisionError) as error:
        return [str(getattr(error, "orig", error))]


def _writes(caller: psycopg.Connection) -> bool:
    try:
        caller.execute("INSERT INTO appointment_events (appointment_id, kind, by) SELECT 1, 'x', 'y' WHERE false")
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _hold_up(running: Running, url: str, table: str, seen: Seen) -> None:
    """Hold a lock on a table until callers have gone on beside a migration that waits."""
    asked = seen.done["ask"]
    with holding(url, f"LOCK TABLE {table} IN ACCESS SHARE MODE"):
        eventually(lambda: _waits(url) or running.done.done(), what="the migration waits")
        eventually(lambda: seen.done["ask"] > asked + 5, what="callers go on")


def _waits(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as admin:
        return bool(admin.execute(_WAITING).fetchall())


def _unfinished(url: str) -> list[str]:
    with psycopg.connect(url, autocommit=True) as admin:
        found = admin.execute("SELECT CAST(CAST(indexrelid AS regclass) AS text) FROM pg_index WHERE NOT indisvalid")
        return [name for (name,) in found]

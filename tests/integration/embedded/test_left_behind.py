"""A test that leaves something behind in the database that others have after it is named, and what it was."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[3]
# `late` is made before the database is lent, so it ends after it was emptied.
TESTS = """
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import text

from db.engine import make_engine
from tests.support.databases import pool

pool.PATIENCE = 0.2


@pytest.fixture
def late(databases) -> Iterator[list[str]]:
    statements = []
    yield statements
    with psycopg.connect(databases._free[-1].url, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement)


@pytest.fixture(scope="session")
def connections() -> Iterator[list[psycopg.Connection]]:
    made = []
    yield made
    for one in made:
        one.close()


@pytest.fixture
def run(database_url: str) -> Callable[[str], None]:
    def execute(statement: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute(statement)

    return execute


def test_leaves_nothing(run) -> None:
    run("INSERT INTO heartbeats VALUES ('a-test', 1, now())")
    run("UPDATE calcom_accounts SET name = 'another'")
    run("UPDATE booking_schema_version SET version_num = 'another'")
    run("SELECT nextval('appointments_id_seq')")
    run("CREATE TEMPORARY TABLE own (id int)")
    run("ALTER TABLE appointments ADD COLUMN more int; ALTER TABLE appointments DROP COLUMN more")
    run("ANALYZE")


def test_finds_nothing(run, database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT count(*) FROM heartbeats").fetchone() == (0,)
        assert conn.execute("SELECT id, name FROM calcom_accounts").fetchall() == [(1, "default")]
        assert conn.execute("SELECT nextval('appointments_id_seq')").fetchone() == (1,)
        assert conn.execute("SELECT nextval('calcom_accounts_id_seq')").fetchone() == (2,)


SESSIONS = []
OF_A_SESSION = text(
    "SELECT pg_backend_pid(), current_setting('lock_timeout'), to_regclass('pg_temp.own')::text,"
    " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), (SELECT count(*) FROM pg_listening_channels()),"
    " (SELECT count(*) FROM pg_prepared_statements)"
)


def test_leaves_its_session_to_the_next(database_url: str) -> None:
    with make_engine(database_url, pool_size=1).connect() as conn:
        for statement in ("SET lock_timeout = 7", "SELECT pg_advisory_lock(7)", "LISTEN own",
                          "CREATE TEMPORARY TABLE own (id int)", "PREPARE own AS SELECT 7"):
            conn.execute(text(statement))
        conn.commit()
        SESSIONS.append(conn.execute(OF_A_SESSION).one())
    assert SESSIONS[0][1:] == ("7ms", "own", 1, 1, 1)


def test_has_a_session_as_new(database_url: str) -> None:
    with make_engine(database_url).connect() as conn:
        assert conn.execute(OF_A_SESSION).one() == (SESSIONS[0][0], "3s", None, 0, 0, 0)


def test_ends_its_session(database_url: str, run) -> None:
    with make_engine(database_url).connect():
        pass
    run(f"SELECT pg_terminate_backend({SESSIONS[0][0]}, 10000)")


def test_has_a_session_that_goes_on(database_url: str) -> None:
    with make_engine(database_url).connect() as conn:
        assert conn.execute(OF_A_SESSION).one()[0] != SESSIONS[0][0]


LOANS = []


def test_leaves_a_loan_of_an_engine(database_url: str) -> None:
    LOANS.append(make_engine(database_url).connect())
    LOANS[-1].execute(text("SELECT 7"))


def test_leaves_a_row(late, database_url: str) -> None:
    late.append("INSERT INTO heartbeats VALUES ('late', 1, now())")


def test_after_a_row(database_url: str) -> None:
    pass


def test_leaves_a_sequence(late, database_url: str) -> None:
    late.append("SELECT nextval('appointments_id_seq')")


def test_after_a_sequence(database_url: str) -> None:
    pass


def test_leaves_a_connection(connections, database_url: str) -> None:
    connections.append(psycopg.connect(database_url, autocommit=True, application_name="left"))
    connections[-1].execute("LISTEN booking_settled")


def test_leaves_a_lock(connections, database_url: str) -> None:
    connections.append(psycopg.connect(database_url, autocommit=True, application_name="locks"))
    connections[-1].execute("SELECT pg_advisory_lock(7)")


def test_leaves_a_trigger(run) -> None:
    run("CREATE TRIGGER own AFTER INSERT ON appointments FOR EACH ROW EXECUTE FUNCTION tell_of_booking()")


def test_leaves_a_setting(run, database_url: str) -> None:
    run(f"ALTER DATABASE {database_url.rpartition('/')[2]} SET lock_timeout = '7s'")


def test_leaves_a_setting_of_the_server(run) -> None:
    run("ALTER SYSTEM SET work_mem = '7MB'")


def test_leaves_a_role(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as conn:
        conn.execute("CREATE ROLE left_role")


FAILED_WITH = []


def test_fails(connections, run, database_url: str) -> None:
    FAILED_WITH.append(database_url)
    connections.append(psycopg.connect(database_url))
    run("ALTER TABLE appointments ADD COLUMN more int")
    raise AssertionError


def test_has_another_than_one_that_has_failed(database_url: str) -> None:
    assert database_url not in FAILED_WITH


@pytest.mark.fresh_database
def test_has_its_own(run) -> None:
    run("ALTER TABLE appointments ADD COLUMN more int")


def test_leaves_a_row_at_the_end(late, database_url: str) -> None:
    late.append("INSERT INTO heartbeats VALUES ('late', 1, now())")
"""
LEFT = {
    "loan_of_an_engine": "a connection (booking-worker, idle in transaction: SELECT 7)",
    "row": "a row in heartbeats",
    "sequence": "the sequence appointments_id_seq moved",
    "connection": "a connection (left, idle: LISTEN booking_settled)",
    "lock": "a connection (locks, idle: SELECT pg_advisory_lock(7)) with a lock (ExclusiveLock on advisory 0 7)",
    "trigger": "more: trigger appointments own O CREATE TRIGGER own",
    "setting": "more: setting every role lock_timeout=7s",
    "setting_of_the_server": "more: setting ALTER SYSTEM work_mem = '7MB'",
    "role": "more: role left_role",
    "row_at_the_end": "a row in heartbeats",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> str:
    """Run tests that leave something behind, and some that do not."""
    file = tmp_path_factory.mktemp("left") / "test_leaving.py"
    file.write_text(TESTS, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        f"--rootdir={file.parent}",
        str(file),
    ]
    environment = {**os.environ, "SERVER": postgres_url}  # noqa: TID251 - a child process gets ours
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM RESET work_mem")
        conn.execute("DROP ROLE IF EXISTS left_role")
    return ran.stdout


@pytest.mark.parametrize("what", LEFT)
def test_who_leaves_something_behind_is_named(said: str, what: str) -> None:
    """With what it was: a row and a sequence that move after the end, and whatever emptying does not undo."""
    _, named, left = said.partition(f"test_leaving.py::test_leaves_a_{what} has left behind:\n")
    assert named, said
    assert left.splitlines()[0].partition("- ")[2].startswith(LEFT[what])


def test_nobody_else_is_named(said: str) -> None:
    """Rows, sequences, idle sessions and what is as it was are no trouble; nor who has failed, or has its own."""
    errors = (line for line in said.splitlines() if line.startswith("E ") and " has left behind:" in line)
    named = {error.partition("::")[2].partition(" ")[0] for error in errors}
    assert named == {f"test_leaves_a_{what}" for what in LEFT}
    assert "1 failed, 18 passed, 10 errors" in said

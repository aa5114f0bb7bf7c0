"""A database that has other tables: a host's own Alembic, and tables that are named as ours."""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, inspect

from db import revisions
from db.engine import make_engine
from db.namespace import TABLES, VERSION_TABLE, in_schema
from db.queue import due
from tests.support.fleet import Fleet, finals, request
from tests.support.schema.before import make_as_0_1_0
from tests.support.schema.later import TODAY
from tests.support.schema.models import all_tables
from worker import enqueue_booking

THEIRS = "ae1027a6acf"  # an id of a host's Alembic
ALEMBICS = "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"


@pytest.fixture
def host(empty_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A host's connection to a database with its own Alembic."""
    with psycopg.connect(empty_database_url, autocommit=True) as conn:
        conn.execute(ALEMBICS)
        conn.execute("INSERT INTO alembic_version VALUES (%s)", (THEIRS,))
        yield conn


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """Connect as we do."""
    engine = make_engine(empty_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def apart(empty_database_url: str) -> Iterator[Engine]:
    """Connect as we do, with a schema for our tables alone."""
    engine = make_engine(empty_database_url, schema="bw")
    yield engine
    engine.dispose()


def theirs(host: psycopg.Connection[Any]) -> list[str]:
    """Return what stands in the host's table of versions."""
    return [row[0] for row in host.execute("SELECT version_num FROM public.alembic_version ORDER BY 1").fetchall()]


def ours(host: psycopg.Connection[Any]) -> list[str]:
    """Return what stands in our own table of versions."""
    return [row[0] for row in host.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()]  # noqa: S608 - ours


def test_a_hosts_alembic_is_none_of_our_business(host: psycopg.Connection[Any], engine: Engine) -> None:
    """Nothing of ours is applied, whatever stands there; then both live in one schema."""
    assert not any(revision.applied for revision in revisions.status(engine))
    assert "nothing is applied" in (revisions.schema_state(engine).problem or "")
    assert revisions.schema_state(engine).known, "--or-newer must not take it for a newer release's"

    assert revisions.migrate(engine) == TODAY

    assert revisions.schema_state(engine).problem is None
    assert (theirs(host), ours(host)) == ([THEIRS], [TODAY[-1]])


def test_an_id_of_0_1_0_among_a_hosts_is_seen_and_left(host: psycopg.Connection[Any], engine: Engine) -> None:
    """Beside our tables it is ours, which are not of another program: the commit that moves it is named."""
    make_as_0_1_0(engine)

    with pytest.raises(revisions.RevisionError, match=r"is at 0001_initial, from before 0\.2\.0"):
        revisions.migrate(engine)

    assert theirs(host) == ["0001_initial", THEIRS]


def test_an_id_of_a_host_that_is_named_as_ours_stays(host: psycopg.Connection[Any], engine: Engine) -> None:
    """Many a first revision is called so; without our tables it is not ours."""
    host.execute("INSERT INTO alembic_version VALUES ('0001_initial')")
    assert revisions.current(engine) is None

    revisions.migrate(engine)

    assert theirs(host) == ["0001_initial", THEIRS]


def test_a_table_of_a_host_that_is_named_as_ours_is_named(host: psycopg.Connection[Any], engine: Engine) -> None:
    """With the way out, and nothing is changed."""
    host.execute("CREATE TABLE appointments (id int)")
    host.execute("CREATE TABLE heartbeats (id int)")

    with pytest.raises(revisions.RevisionError, match="public has appointments, heartbeats of another program"):
        revisions.migrate(engine)

    assert sorted(inspect(engine).get_table_names()) == ["alembic_version", "appointments", "heartbeats"]


def test_a_schema_of_our_own_is_made_and_nothing_else_is_touched(host: psycopg.Connection[Any], apart: Engine) -> None:
    """Beside a host's tables of the same names; back again, too."""
    for name in (*TABLES, VERSION_TABLE):
        host.execute(f"CREATE TABLE {name} (id int)")

    assert revisions.migrate(apart) == TODAY

    assert set(inspect(apart).get_table_names("bw")) == {*TABLES, VERSION_TABLE}
    assert revisions.schema_state(apart).problem is None
    assert revisions.migrate(apart, "base") == TODAY[::-1]
    assert inspect(apart).get_table_names("bw") == [VERSION_TABLE]
    assert theirs(host) == [THEIRS]


def test_a_fleet_books_in_a_schema_of_its_own(
    fleet: Callable[..., Fleet],
    host: psycopg.Connection[Any],
    apart: Engine,
    empty_database_url: str,
) -> None:
    """Its callers, its workers and the periodic tasks; the host's tables of the same names are empty to the end."""
    for name in TABLES:
        host.execute(f"CREATE TABLE {name} (id int)")
    revisions.migrate(apart)
    running = fleet(DATABASE_URL=empty_database_url, DATABASE_SCHEMA="bw").start()
    receipt = enqueue_booking(request(1))

    ended = finals([receipt.appointment_id])

    assert ended[receipt.appointment_id].status == "confirmed"
    assert host.execute("SELECT status FROM bw.appointments").fetchall() == [("confirmed",)]
    assert host.execute("SELECT count(*) FROM bw.appointment_events").fetchone() > (0,)
    assert host.execute("SELECT count(*) FROM public.appointments").fetchone() == (0,)
    assert "Traceback" not in running.logs()


def test_no_column_is_named_as_a_table_of_ours() -> None:
    """The schema would stand before it, where only a name may stand: such a statement is a syntax error."""
    written = files("db").joinpath("sql").iterdir()
    texts = {one.name: in_schema(one.read_text("utf-8"), "bw") for one in written if one.name.endswith(".sql")}
    assert len(texts) > 50, "the statements are there"
    assert [name for name, text in texts.items() if re.search(r"\bAS bw\.", text, re.IGNORECASE)] == []


def test_the_look_at_what_is_due_finds_our_tables_there(apart: Engine) -> None:
    """Beat asks it each second, and starts nothing when it fails."""
    revisions.migrate(apart)
    with apart.connect() as conn:
        assert not due.look(conn).held


def test_every_function_that_a_statement_calls_has_its_name_here(host: psycopg.Connection[Any], apart: Engine) -> None:
    """What triggers alone call is looked for where they are."""
    revisions.migrate(apart)
    of_ours = "pronamespace = 'bw'::regnamespace AND prorettype <> 'trigger'::regtype"
    functions = host.execute(f"SELECT DISTINCT proname FROM pg_proc WHERE {of_ours}").fetchall()  # noqa: S608 - ours
    assert len(functions) > 5
    assert [name for (name,) in functions if in_schema(name, "bw") != f"bw.{name}"] == ["write_callback"]


def test_every_table_has_its_name_here() -> None:
    """A new one would be looked for in the host's schema."""
    assert sorted(all_tables().tables) == sorted(TABLES)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT appointments.id FROM appointments", "SELECT bw.appointments.id FROM bw.appointments"),
        ("UPDATE appointments SET a = %(appointments)s", "UPDATE bw.appointments SET a = %(appointments)s"),
        ("SELECT appointments_1.id FROM appointments AS appointments_1", None),
        ("CAST('appointments' AS regclass)", "CAST('bw.appointments' AS regclass)"),
        ("SELECT my.appointments", "SELECT my.appointments"),
        ("WHERE n = current_schema()", "WHERE n = 'bw'"),
    ],
)
def test_each_name_of_ours_has_the_schema_before_it(sql: str, named: str | None) -> None:
    """And nothing else."""
    assert in_schema(sql, "bw") == (named or "SELECT appointments_1.id FROM bw.appointments AS appointments_1")

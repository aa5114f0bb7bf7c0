"""Migrations on the wheel's PostgreSQL 18: there and back, once, all or nothing; a clear word where one is missing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from db import revisions
from db.engine import make_engine
from tests.support.schema.later import ALL, FIRST, LATER, TODAY, release_later
from tests.support.schema.migrating import Migrating


@pytest.fixture
def url(empty_database_url: str) -> str:
    """URL of a database without tables."""
    return empty_database_url


@pytest.fixture
def empty(url: str) -> Iterator[Engine]:
    """Connect to a database without tables."""
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this code the revisions of a later release."""
    release_later(tmp_path / "migrations", monkeypatch)


class TestOnTheWheel(Migrating):
    """PostgreSQL 18."""


@pytest.mark.usefixtures("later")
def test_ids_are_readable_and_in_order(empty: Engine) -> None:
    """An operator can say where to go back to."""
    listed = revisions.status(empty)

    assert [revision.id for revision in listed] == ALL
    assert revisions.head() == LATER[-1]
    assert all(revision.doc for revision in listed)


@pytest.mark.usefixtures("later")
def test_the_list_says_what_is_applied(empty: Engine) -> None:
    """`booking migrate --status` shows where a database stands."""
    assert revisions.current(empty) is None
    revisions.upgrade(empty, FIRST)

    assert revisions.current(empty) == FIRST
    assert [revision.applied for revision in revisions.status(empty)] == [True, *([False] * (len(ALL) - 1))]


def test_a_database_without_tables_is_told_what_to_run(empty: Engine) -> None:
    """Not a traceback about a missing relation."""
    with pytest.raises(revisions.RevisionError, match="none of our tables: run `booking migrate`"):
        revisions.require(empty)


@pytest.mark.usefixtures("later")
def test_a_database_that_is_behind_is_told_where_it_stands(empty: Engine) -> None:
    """With only the first applied the code says so, before any statement fails."""
    revisions.upgrade(empty, FIRST)

    said = f"{FIRST}, this code needs {LATER[-1]}: run `booking migrate`"
    with pytest.raises(revisions.RevisionError, match=said):
        revisions.require(empty)


def test_a_database_at_the_head_has_no_problem(empty: Engine) -> None:
    """Nothing is said."""
    revisions.upgrade(empty)

    revisions.require(empty)
    assert revisions.schema_state(empty).problem is None


def test_old_workers_live_on_beside_a_newer_database(empty: Engine) -> None:
    """Changes expand first: a newer database is reported, never refused, and never migrated by old code."""
    revisions.upgrade(empty)
    with empty.begin() as conn:
        conn.execute(text("UPDATE booking_schema_version SET version_num = '9999_future'"))

    revisions.require(empty)
    assert "9999_future, newer than this code" in (revisions.schema_state(empty).problem or "")
    assert all(revision.applied for revision in revisions.status(empty))
    for change in (revisions.upgrade, revisions.migrate, lambda engine: revisions.downgrade(engine, 1)):
        with pytest.raises(revisions.RevisionError, match="newer than this code"):
            change(empty)


def test_a_revision_that_does_not_exist_is_told_with_those_that_do(empty: Engine) -> None:
    """A typing error changes nothing."""
    with pytest.raises(revisions.RevisionError, match=rf"no revision '0009_nothing'; .*{FIRST}"):
        revisions.migrate(empty, "0009_nothing")


@pytest.mark.usefixtures("later")
def test_an_upgrade_never_takes_anything_back(empty: Engine) -> None:
    """Only `migrate` and `downgrade` lose columns."""
    revisions.upgrade(empty)

    with pytest.raises(revisions.RevisionError, match="behind"):
        revisions.upgrade(empty, FIRST)


@pytest.mark.usefixtures("later")
def test_what_is_taken_back_leaves_the_bookings(empty: Engine) -> None:
    """`booking migrate --down 3` loses columns and no row; forward again the columns are new."""
    revisions.upgrade(empty)
    with empty.begin() as conn:
        conn.execute(text("INSERT INTO heartbeats VALUES ('beat', 1, now())"))

    assert revisions.downgrade(empty, len(LATER)) == LATER[::-1]
    assert revisions.upgrade(empty) == LATER

    with empty.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM heartbeats")).scalar_one() == 1


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("steps", [-1, len(ALL), 99])
def test_no_number_takes_back_the_first_revision(empty: Engine, steps: int) -> None:
    """`booking migrate --down` with as many as there are changes nothing: with the first one every booking would go."""
    revisions.upgrade(empty)

    with pytest.raises(revisions.RevisionError, match="cannot take back"):
        revisions.downgrade(empty, steps)
    assert revisions.schema_state(empty).problem is None


def test_migrating_again_does_nothing(empty: Engine) -> None:
    """Every deploy may run it."""
    revisions.migrate(empty)

    assert revisions.migrate(empty) == revisions.upgrade(empty) == revisions.downgrade(empty, 0) == []


def test_a_failed_migration_changes_nothing(empty: Engine) -> None:
    """An empty database is filled in one transaction: no half-migrated one."""
    with empty.begin() as conn:
        conn.execute(text("CREATE TYPE alert_incidents AS (id int)"))  # a table is a type, too

    with pytest.raises(ProgrammingError, match="already exists"):
        revisions.upgrade(empty)

    with empty.connect() as conn:
        assert inspect(conn).get_table_names() == []


@pytest.mark.long
def test_deploys_at_once_migrate_once(url: str) -> None:
    """Four processes start together; one migrates, three wait and find it done."""
    code = (
        "import sys; from db import revisions; from db.engine import make_engine;"
        "print(len(revisions.upgrade(make_engine(sys.stdin.read()))))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(url)
        process.stdin.close()
    applied = [int(process.stdout.read()) for process in processes if process.stdout is not None]
    codes = [process.wait(30) for process in processes]

    assert codes == [0] * 4
    assert sorted(applied) == [0, 0, 0, len(TODAY)]

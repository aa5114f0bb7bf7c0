"""A database from before 0.2.0: that of the last migration then is taken over, an older one is told what to do."""

import hashlib
import re
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine

from db import revisions
from db.engine import make_engine
from db.migrating import locks
from db.migrating.before import OLDER
from tests.support.schema.before import LAST, make_as_0_1_0, make_as_before
from tests.support.schema.catalogue import Described, everything
from tests.support.schema.later import FIRST, TODAY

# All that the last migration before 0.2.0 had made, described by PostgreSQL 18 of the wheel.
MADE = "b3dd46807295e0d6478e135a3e9075b0a8f8c8f03cc28329ae6f262405ae5df3"


@pytest.fixture
def of_before(empty_database_url: str) -> Iterator[Engine]:
    """Hand out a database with the tables of before, and a booking."""
    engine = make_engine(empty_database_url)
    make_as_before(engine)
    yield engine
    engine.dispose()


def described(engine: Engine) -> Described:
    """Describe a database."""
    with engine.connect() as conn:
        return everything(conn)


def test_the_first_migration_makes_what_those_before_it_made(empty_database_url: str) -> None:
    """To the last index, constraint, trigger and function: a database that was taken over is like any other."""
    engine = make_engine(empty_database_url)
    revisions.migrate(engine, FIRST)
    lines = sorted("\t".join(line) for line in described(engine))
    engine.dispose()
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == MADE


def test_a_database_at_the_last_of_them_is_taken_over(of_before: Engine) -> None:
    """`booking migrate` gives it our id; its rows and tables stay as they are, and then nothing is left to do."""
    before = described(of_before)
    assert f"is at {LAST}, this code needs {TODAY[-1]}: run `booking migrate`" in problem(of_before)
    with pytest.raises(revisions.RevisionError, match="run `booking migrate`"):
        revisions.require(of_before)
    assert not any(revision.applied for revision in revisions.status(of_before))

    assert applied(of_before) == TODAY

    assert described(of_before) == before
    assert revisions.schema_state(of_before).problem is None
    assert revisions.migrate(of_before) == revisions.upgrade(of_before) == []
    with of_before.connect() as conn:
        assert conn.exec_driver_sql("SELECT status FROM appointments").scalars().all() == ["pending"]


def test_a_takeover_waits_for_nobody(
    of_before: Engine, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It locks no table of bookings, whatever workers and reports hold there."""
    monkeypatch.setattr(locks, "LOCKS_PATIENCE", 0.0)
    with psycopg.connect(empty_database_url) as report:
        report.execute("LOCK TABLE appointments, appointment_events, booking_changes IN ACCESS EXCLUSIVE MODE")
        assert applied(of_before) == TODAY


@pytest.mark.parametrize("at", ["0001_appointments", "0010_line", "0001_initial", "0029_times"])
def test_an_older_database_is_told_which_commit_migrates_it_first(of_before: Engine, at: str) -> None:
    """In one line, whatever is asked of it, and nothing of it is changed."""
    assert at in OLDER
    with of_before.begin() as conn:
        conn.exec_driver_sql("UPDATE booking_schema_version SET version_num = %(at)s", {"at": at})
    is_refused(of_before, at)


def test_a_database_of_0_1_0_is_told_so_too(empty_database_url: str) -> None:
    """Its id stands in `alembic_version`."""
    engine = make_engine(empty_database_url)
    make_as_0_1_0(engine)
    is_refused(engine, "0001_initial")
    engine.dispose()


def is_refused(engine: Engine, at: str) -> None:
    """Assert that a database is told in one line what to do first, and is left as it is."""
    before = described(engine)
    said = (
        rf"^the database is at {at}, from before 0\.2\.0:"
        r" check out commit [0-9a-f]{40}, and run its `booking migrate` first$"
    )
    assert re.match(said, problem(engine))
    for act in (revisions.migrate, revisions.upgrade, revisions.require, lambda one: revisions.downgrade(one, 1)):
        with pytest.raises(revisions.RevisionError, match=said):
            act(engine)
    assert revisions.current(engine) == at
    assert described(engine) == before
    assert not any(revision.applied for revision in revisions.status(engine))


def applied(engine: Engine) -> list[str]:
    """Migrate, and return what was applied, or why nothing was."""
    try:
        return revisions.migrate(engine)
    except revisions.RevisionError as error:
        return [str(error)]


def problem(engine: Engine) -> str:
    """Return what is wrong with a database."""
    return revisions.schema_state(engine).problem or ""

"""The first migration makes the tables that the ten migrations before 0.1.0 made, to the last index and trigger."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from db import revisions
from db.engine import make_engine
from tests.support.schema.before import make_as_before
from tests.support.schema.catalogue import Described, everything
from tests.support.schema.later import FIRST, LAST, TODAY

KINDS = {"relation", "column", "constraint", "index", "trigger", "function"}


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


@pytest.mark.fresh_database
def test_the_schema_is_that_of_the_ten_migrations_before(engine: Engine, of_before: Engine) -> None:
    """Column by column, and index, constraint, trigger and function; what only older code read is not made again."""
    revisions.migrate(engine, FIRST)
    before, after = described(of_before), described(engine)
    gone = {one for one in before if one[1] == "calcom_visibility" or one[2].startswith("calcom_visibility")}
    gone.add(("column", "appointments", "answered_at", "timestamp with time zone"))
    gone |= {one for one in before if one[1] == "booking_minutes" and re.search("released|wait_buckets", one[2])}

    assert {kind for kind, *_ in before} == KINDS
    assert before - after == gone
    assert after - before == set()


def test_a_database_at_the_last_of_them_is_taken_over(engine: Engine, of_before: Engine) -> None:
    """`booking migrate` gives it our id and drops what nothing reads; its rows stay, and then nothing is left to do."""
    assert f"is at 0010_line, this code needs {LAST}: run `booking migrate`" in problem(of_before)
    with pytest.raises(revisions.RevisionError, match="run `booking migrate`"):
        revisions.require(of_before)
    assert not any(revision.applied for revision in revisions.status(of_before))

    assert revisions.migrate(of_before) == TODAY

    assert described(of_before) == described(engine)
    assert revisions.schema_state(of_before).problem is None
    assert revisions.migrate(of_before) == revisions.upgrade(of_before) == []
    with of_before.connect() as conn:
        assert conn.exec_driver_sql("SELECT status FROM appointments").scalars().all() == ["pending"]


@pytest.mark.parametrize("at", ["0001_appointments", "0006_keys", "0009_metric_totals"])
def test_an_older_database_is_told_which_commit_migrates_it_first(of_before: Engine, at: str) -> None:
    """In one line, whatever is asked of it, and nothing of it is changed."""
    with of_before.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = :at"), {"at": at})
    before = described(of_before)

    said = rf"^the database is at {at}, from before 0\.1\.0: run `booking migrate` of commit [0-9a-f]{{40}} first$"
    assert re.match(said, problem(of_before))
    for act in (revisions.migrate, revisions.upgrade, revisions.require, lambda one: revisions.downgrade(one, 1)):
        with pytest.raises(revisions.RevisionError, match=said):
            act(of_before)
    assert revisions.current(of_before) == at
    assert described(of_before) == before
    assert not any(revision.applied for revision in revisions.status(of_before))


def test_a_takeover_that_fails_changes_nothing(of_before: Engine) -> None:
    """A view of somebody's reads the table that is to go."""
    with of_before.begin() as conn:
        conn.exec_driver_sql("CREATE VIEW public.theirs AS SELECT * FROM public.calcom_visibility")
    before = described(of_before)

    with pytest.raises(DBAPIError, match="other objects depend on it"):
        revisions.migrate(of_before)

    assert revisions.current(of_before) == "0010_line"
    assert described(of_before) == before


def problem(engine: Engine) -> str:
    """Return what is wrong with a database."""
    return revisions.schema_state(engine).problem or ""

"""The first migration makes the tables that the ten migrations before 0.1.0 made, to the last index and trigger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from db import revisions
from db.engine import make_engine
from tests.support.schema.catalogue import Described, everything

DUMP = Path(__file__).parents[2] / "fixtures" / "schema" / "0010_line.sql"
KINDS = {"relation", "column", "constraint", "index", "trigger", "function"}


@pytest.fixture
def of_before(empty_database_url: str) -> Iterator[Engine]:
    """Hand out a database with the tables of before, without rows."""
    engine = make_engine(empty_database_url)
    with engine.begin() as conn:
        conn.exec_driver_sql(DUMP.read_text("utf-8"))
        conn.exec_driver_sql("INSERT INTO alembic_version VALUES ('0010_line')")
    yield engine
    engine.dispose()


def described(engine: Engine) -> Described:
    """Describe a database."""
    with engine.connect() as conn:
        return everything(conn)


def test_the_schema_is_that_of_the_ten_migrations_before(engine: Engine, of_before: Engine) -> None:
    """Column by column, and index, constraint, trigger and function; nothing has a comment in either."""
    before = described(of_before)

    assert {kind for kind, *_ in before} == KINDS
    assert described(engine) == before
    assert revisions.schema_state(of_before).problem is None

"""A PostgreSQL that was migrated once serves many: each starts on a copy of its data (tests/support/servers)."""

import contextlib
from pathlib import Path

import psycopg
import pytest

from db import revisions
from db.engine import make_engine
from tests.support.servers import migrated


def test_each_starts_on_a_copy_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is at the newest revision; nobody reads what another writes, and what it was made from is known."""
    files = migrated.prepare(tmp_path / "made")
    monkeypatch.setenv(migrated.PREPARED, str(tmp_path / "made"))

    with contextlib.ExitStack() as stack:
        first, second = [stack.enter_context(migrated.running()) for _ in range(2)]
        with psycopg.connect(first.url, autocommit=True) as admin:
            admin.execute("CREATE DATABASE mine")
        with psycopg.connect(second.url, autocommit=True) as admin:
            names = {name for (name,) in admin.execute("SELECT datname FROM pg_database")}
        engine = make_engine(second.url_of(migrated.TEMPLATE))
        try:
            assert revisions.schema_state(engine).problem is None
        finally:
            engine.dispose()

    assert "mine" not in names
    assert {
        "client/booking_client/states.py",
        "db/engine.py",
        "db/migrations/initial/bookings.sql",
        "db/migrations/versions/0001_tables.py",
        "worker/local/embedded/postgres.py",
    } <= files

"""The same migrations on Debian's PostgreSQL 15, the oldest that we support (NULLS NOT DISTINCT needs 15)."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.migrating import Migrating
from worker.local import embedded
from worker.local.embedded.find import server_user
from worker.local.embedded.server import ServerLayout

DEBIAN = Path("/usr/lib/postgresql/15")


@pytest.fixture(scope="module")
def debian() -> Iterator[embedded.Postgres]:
    """Run Debian's server in a private folder."""
    with embedded.Guard() as guard:
        folder = guard.folder()
        folder.chmod(0o711)  # PostgreSQL 15 leaves its folder and comes back by path, as `nobody` when we are root
        server = embedded.Postgres(guard, ServerLayout(folder, DEBIAN, server_user(), durable=False))
        server.prepare()
        server.start()
        yield server


@pytest.fixture
def url(debian: embedded.Postgres) -> Iterator[str]:
    """URL of a database without tables, dropped after the test."""
    with psycopg.connect(debian.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE debian")
    yield debian.url_of("debian")
    with psycopg.connect(debian.url, autocommit=True) as admin:
        admin.execute("DROP DATABASE debian WITH (FORCE)")


@pytest.mark.debian_postgres
class TestOnDebian(Migrating):
    """PostgreSQL 15."""

    def test_it_is_that_server(self, url: str) -> None:
        """These tests say something of 15 only while they run on 15."""
        with psycopg.connect(url) as conn:
            assert conn.info.server_version // 10_000 == 15

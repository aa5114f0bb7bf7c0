"""The same migrations, and bookings, on Debian's PostgreSQL 15, our oldest (NULLS NOT DISTINCT needs 15)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db import revisions
from db.engine import make_engine
from db.lifecycle import Status
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.schema.migrating import Migrating
from worker import enqueue_bookings
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


@pytest.mark.debian_postgres
def test_bookings_are_held_and_let_go_on_it(url: str, fleet: Callable[..., Fleet], simulator: Any) -> None:
    """Every process and its statements through an outage: all are confirmed, none is there twice."""
    engine = make_engine(url)
    revisions.upgrade(engine, revisions.head())
    engine.dispose()
    given = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "1"}
    running = fleet(DATABASE_URL=url, **given).start(concurrency=4)
    simulator.faults("status", name="unavailable")
    wanted = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(40)])]  # type: ignore[union-attr]
    eventually(lambda: row(wanted[-1]).status is Status.HELD, what="the newest is held")
    simulator.no_faults()
    assert {end.status for end in finals(wanted).values()} == {Status.CONFIRMED}
    assert len(simulator.bookings()) == len(wanted)
    assert [
        line for line in running.logs().splitlines() if "raised unexpected" in line or "ProgrammingError" in line
    ] == []

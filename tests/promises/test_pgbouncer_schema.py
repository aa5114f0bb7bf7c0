"""PgBouncer in transaction mode and a schema of our own: no search path has to survive a transaction."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from db import revisions
from db.engine import make_engine
from db.namespace import TABLES
from tests.promises.test_pgbouncer import PgBouncer, start, through
from tests.support.fleet import Fleet, finals, request
from worker import enqueue_bookings

pytestmark = pytest.mark.debian_pgbouncer

__all__ = ["start"]  # a fixture


def test_a_fleet_books_in_its_schema(
    start: Callable[[int], PgBouncer],
    fleet: Callable[..., Fleet],
    empty_database_url: str,
) -> None:
    """Migrated and booked through it, beside a host's tables of the same names, which stay empty."""
    url = through(start(200), empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as host:
        for name in TABLES:
            host.execute(f"CREATE TABLE {name} (id int)")
        engine = make_engine(url, schema="bw")
        assert revisions.migrate(engine)[-1] == revisions.head()
        engine.dispose()
        fleet(DATABASE_URL=url, DATABASE_SCHEMA="bw").start(concurrency=8)
        receipts = enqueue_bookings([request(number) for number in range(10)])

        ended = finals([receipt.appointment_id for receipt in receipts])

        assert {outcome.status for outcome in ended.values()} == {"confirmed"}
        counted: Any = host.execute(
            "SELECT (SELECT count(*) FROM bw.appointments), (SELECT count(*) FROM public.appointments)"
        ).fetchone()
        assert counted == (10, 0)

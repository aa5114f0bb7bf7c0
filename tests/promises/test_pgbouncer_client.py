"""A client behind PgBouncer in transaction mode: it keeps and reads as without it, and hears of each end by asking."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from booking_client import Bookings, Status
from db import appointments
from db.engine import make_engine
from db.lifecycle import FINAL
from tests.chaos.books import Row
from tests.chaos.processes import listener
from tests.chaos.transactions import unheard
from tests.integration.booking_client.test_client_listens import listening
from tests.promises.test_pgbouncer import POOL, WAYS, PgBouncer, start, through
from tests.support.fleet import Fleet, eventually, request
from tests.support.servers.patience import patient_callers

pytestmark = pytest.mark.debian_pgbouncer

__all__ = ["start"]  # a fixture

Start = Callable[[int], PgBouncer]
ENDS = 1_000


def listening_sessions(server: PgBouncer, url: str) -> int:
    """Count the channels on which the sessions listen that PgBouncer lends."""
    found = 0
    connections = [psycopg.connect(through(server, url), prepare_threshold=None) for _ in range(POOL)]
    for conn in connections:  # in a transaction each, so each has a session of its own
        found += len(conn.execute("SELECT pg_listening_channels()").fetchall())
    for conn in connections:
        conn.close()
    return found


@WAYS
def test_a_client_keeps_waits_and_listens_through_it(
    start: Start, fleet: Callable[..., Fleet], database_url: str, simulator: Any, query: str, prepared: int
) -> None:
    """By itself, and in transactions of psycopg and SQLAlchemy; the dispatcher has a connection of its own."""
    server = start(prepared)
    url = through(server, database_url, query)
    deployment = fleet(DATABASE_URL=url, DATABASE_DIRECT_URL=database_url)
    deployment.worker()
    deployment.maintenance()
    plain = through(server, database_url)
    engine = create_engine(
        plain.replace("postgresql:", "postgresql+psycopg:"), connect_args={"prepare_threshold": None}
    )
    with Bookings(url) as bookings, psycopg.connect(plain, prepare_threshold=None) as conn, Session(engine) as session:
        begun = bookings.cursor()
        kept = [bookings.enqueue(request(number)) for number in range(10)]
        kept += [bookings.enqueue(request(number), connection=conn) for number in range(10, 12)]
        bookings.enqueue(request(12), connection=session)
        session.rollback()
        conn.commit()
        with closing(bookings.listen(begun, every=0.2)) as heard:
            ends = {one.outcome.appointment_id: one.outcome.status for one in islice(heard, len(kept))}
        waited = [bookings.wait(one.appointment_id, 60) for one in kept]
        session.rollback()
    engine.dispose()

    assert ends == {one.appointment_id: Status.CONFIRMED for one in kept}
    assert [one.status for one in waited if one] == [Status.CONFIRMED] * len(kept)
    assert len(simulator.bookings()) == len(kept)
    assert listening_sessions(server, database_url) == 0


@pytest.fixture
def ended(database_url: str) -> Iterator[Callable[[int], list[int]]]:
    """Have bookings end: each by a transaction of its own, directly at PostgreSQL."""
    engine = make_engine(database_url)

    def end(count: int) -> list[int]:
        with Bookings(database_url) as bookings, patient_callers():
            ids = [one.appointment_id for one in bookings.enqueue_many([request(n) for n in range(count)])]  # type: ignore[union-attr]
        for one in ids:
            with engine.begin() as conn:
                claimed = appointments.claim(conn, one, lease_seconds=50)
                assert claimed is not None
                why = {"why": "", "calcom_booking_uid": f"uid-{one}"}
                appointments.move(conn, one, claimed.row.status, Status.CONFIRMED, token=claimed.row.claim_token, **why)
        return ids

    yield end
    engine.dispose()


@pytest.mark.parametrize("name", listener.NAMES)
def test_each_of_a_thousand_ends_is_heard_through_it_while_it_and_the_listener_die(
    start: Start, database_url: str, ended: Callable[[int], list[int]], tmp_path: Any, name: str
) -> None:
    """No notification comes through it: the listener asks each five seconds."""
    server, file, ids = start(200), tmp_path / "heard", list[int]()
    with listening(name, file, through(server, database_url)) as process:
        ending = threading.Thread(target=lambda: ids.extend(ended(ENDS)))
        ending.start()
        eventually(lambda: listener.heard(file), what="it hears")
        process.kill()
        process.begin()
        so_far = len(listener.heard(file))
        server.kill()
        server.restart()
        # On a busy host all may have ended, and been heard, before; else none would come any more.
        eventually(lambda: len(listener.heard(file)) > so_far or not ending.is_alive(), what="it hears again")
        ending.join(120)
        with psycopg.connect(database_url) as conn:
            status = f"SELECT id, status, updated_at FROM appointments WHERE status IN {tuple(sorted(map(str, FINAL)))}"  # noqa: S608 - constants
            found = conn.execute(status.encode()).fetchall()
        rows = [Row(id=one, reference="", status=how, ends=((at, how),)) for one, how, at in found]
        assert len(rows) == len(ids) == ENDS
        eventually(lambda: not list(unheard(name, listener.heard(file), rows)), what="all is heard")

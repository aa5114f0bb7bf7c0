"""Who listens hears of each end at least once, and of no booking out of order, whatever dies meanwhile."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from booking_client import AppointmentDatabaseException, AsyncBookings, Bookings
from booking_client.database.connections import AsyncConnections, Connections
from db.lifecycle import FINAL, Status
from tests.chaos.books import Row
from tests.chaos.processes import listener
from tests.chaos.transactions import unheard
from tests.integration.booking_client.test_client_settled import settle
from tests.support.fleet import ROOT, eventually

BOOKINGS = 60
WITHIN = 20.0  # seconds, of which a client waits 1.5
_ENDS = f"""
    SELECT appointment_id, array_agg(kind ORDER BY id) FROM appointment_events
    WHERE kind IN {tuple(sorted(map(str, FINAL)))} GROUP BY appointment_id
"""  # noqa: S608 - constants


class Listener:
    """A process that listens, which can die."""

    def __init__(self, name: str, file: Path, url: str) -> None:
        self._argv = [sys.executable, "-m", "tests.chaos.processes.listener", name, str(file)]
        self._environment = {**os.environ, "DATABASE_URL": url, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'client'}"}  # noqa: TID251 - a child's
        self.begin()

    def begin(self) -> None:
        """Begin, or go on where the process before was."""
        self._process = subprocess.Popen(self._argv, env=self._environment, cwd=ROOT, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """Kill it, wherever it is."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)


@contextmanager
def listening(name: str, file: Path, url: str) -> Iterator[Listener]:
    """Run a listener."""
    process = Listener(name, file, url)
    try:
        yield process
    finally:
        process.kill()


def settle_twice(record: Any) -> None:
    """Have a booking fail, and confirmed when it is sent again."""
    row = record.moved(Status.FAILED, why="")
    record.move(row, Status.PENDING, why="")
    record.move(record.claim(row.id), Status.CONFIRMED, why="", calcom_booking_uid=f"uid-{row.id}")


def told_wrongly(name: str, file: Path, url: str) -> list[str]:
    """Wake who listens, and return what is wrong about what was heard so far."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("NOTIFY booking_settled")
        ended = conn.execute(_ENDS).fetchall()
    now = datetime.now(UTC)
    rows = [
        Row(id=one, reference="", status=kinds[-1], ends=tuple((now, kind) for kind in kinds)) for one, kinds in ended
    ]
    assert len(rows) == BOOKINGS
    return list(unheard(name, listener.heard(file), rows))


@pytest.mark.long
@pytest.mark.parametrize("name", listener.NAMES)
def test_each_end_is_heard_in_order_through_a_killed_listener_and_a_killed_postgres(
    database_url: str, postgres: Any, record: Any, tmp_path: Path, name: str
) -> None:
    """`make promises` (part client) has a thousand."""
    file = tmp_path / "heard"
    with listening(name, file, database_url) as process:
        for number in range(BOOKINGS):
            if number % 2:
                settle_twice(record)
            else:
                settle(record)
            if number % 20 == 10:
                count = len(listener.heard(file))
                eventually(lambda so_far=count: _woken(database_url, file) > so_far, what="it hears")
                process.kill()
                process.begin()
            if number == BOOKINGS // 2:
                postgres.kill()
                postgres.recover()
                record.engine.dispose()
        eventually(lambda: not told_wrongly(name, file, database_url), what="all is heard in order")


def _woken(url: str, file: Path) -> int:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("NOTIFY booking_settled")
    return len(listener.heard(file))


class Lent(Connections):
    """Connections, of which it is known which were lent."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.lent: list[Any] = []

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """Lend one."""
        with super().connection() as conn:
            self.lent.append(conn)
            yield conn


class AsyncLent(AsyncConnections):
    """The same for an event loop."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.lent: list[Any] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Lend one."""
        async with super().connection() as conn:
            self.lent.append(conn)
            yield conn


@pytest.mark.usefixtures("impatient")
def test_who_listens_hangs_up_on_a_frozen_postgres(database_url: str, postgres: Any, record: Any) -> None:
    """Another one may have taken its place, at the same address."""
    pool = Lent(database_url)
    heard = Bookings(pool).listen("1:1:", every=0.1)
    first = settle(record)
    assert next(heard).outcome.appointment_id == first
    told: list[int] = []
    # A daemon: nothing ends a thread that waits for a server for ever.
    thread = threading.Thread(target=lambda: told.append(next(heard).outcome.appointment_id), daemon=True)
    postgres.pause()
    thread.start()
    eventually(lambda: pool.lent[0].closed, within=WITHIN, what="it hangs up")
    postgres.resume()
    second = settle(record)
    thread.join(30)
    heard.close()  # type: ignore[attr-defined]
    pool.close()

    assert told == [second]


@pytest.mark.usefixtures("impatient")
def test_a_coroutine_that_listens_hangs_up_on_a_frozen_postgres(database_url: str, postgres: Any, record: Any) -> None:
    """The same in an event loop."""

    async def listen() -> list[int]:
        pool = AsyncLent(database_url)
        heard = AsyncBookings(pool).listen("1:1:", every=0.1)
        first = (await anext(heard)).outcome.appointment_id
        postgres.pause()
        following = asyncio.ensure_future(anext(heard))
        await asyncio.to_thread(eventually, lambda: pool.lent[0].closed, within=WITHIN, what="it hangs up")
        postgres.resume()
        wanted.append(await asyncio.to_thread(settle, record))
        second = (await following).outcome.appointment_id
        await heard.aclose()  # type: ignore[attr-defined]
        await pool.close()
        return [first, second]

    wanted = [settle(record)]
    assert asyncio.run(asyncio.wait_for(listen(), 60)) == wanted


def test_a_connection_that_listened_is_nobodys_afterwards(database_url: str, record: Any) -> None:
    """Its next user does not listen, and it is not closed under that user."""

    async def listen() -> tuple[bool, list[Any]]:
        pool = AsyncConnections(database_url)
        heard = AsyncBookings(pool).listen("1:1:", every=0.1)
        await anext(heard)
        await heard.aclose()  # type: ignore[attr-defined]
        async with pool.connection() as conn:
            await asyncio.sleep(0)
            channels = await (await conn.execute("SELECT pg_listening_channels()")).fetchall()
            found = not conn.closed, channels
        await pool.close()
        return found

    settle(record)
    assert asyncio.run(listen()) == (True, [])


def test_who_listens_where_nothing_is_migrated_is_told_so(empty_database_url: str) -> None:
    """It is not asked for ever."""
    with Bookings(empty_database_url) as bookings, pytest.raises(AppointmentDatabaseException, match="booking migrate"):
        next(bookings.listen())

"""The drill of docs/deploying.md: a backup, bookings, a restore, `booking restored`: none twice, none lost."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import func, select

from booking_client.receipts import Conflict
from booking_client.request.model import BookingRequest
from db.lifecycle import Status
from tasks import dependencies
from tests.support.fleet import Fleet, eventually, finals, request
from worker import enqueue_bookings
from worker.local.embedded import find

pytestmark = pytest.mark.fresh_database  # a restore turns a trigger on

KINDS = (110, 103, 102, 110, 104, 101, 129)  # 110 books every POST: each one too many shows
WEEKS = {129: 8}


def asking(number: int) -> BookingRequest:
    """Ask as some callers do, with a key of their own, and as others do, without one."""
    given = {"idempotency_key": f"key-{number}"} if number % 2 else {}
    return request(number, KINDS[number % len(KINDS)], **given)


def enqueue(numbers: range) -> list[int]:
    """Ask for appointments; return their ids."""
    receipts = enqueue_bookings([asking(number) for number in numbers])
    assert not any(isinstance(receipt, Conflict) for receipt in receipts)
    return [receipt.appointment_id for receipt in receipts if not isinstance(receipt, Conflict)]


class Backup:
    """A dump of the database, and the moment at which it was made."""

    def __init__(self, postgres: Any, url: str, file: Path) -> None:
        self.postgres, self.url, self.file = postgres, url, file
        with dependencies.current().engine.connect() as conn:
            self.moment = conn.execute(select(func.now())).scalar_one()
        self._run("pg_dump", "--format=custom", f"--file={file}", url)

    def restore(self) -> None:
        """Throw the database away, and make it again from the dump."""
        dependencies.current().engine.dispose()
        name = sql.Identifier(self.url.rpartition("/")[2])
        with psycopg.connect(self.postgres.url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        self._run("pg_restore", f"--dbname={self.url}", str(self.file))

    def _run(self, program: str, *arguments: str) -> None:
        path = find.postgres() / "bin" / program
        ran = subprocess.run([path, *arguments], capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode == 0, ran.stderr


@pytest.fixture
def in_the_books(simulator: Any) -> Callable[[], Counter[str]]:
    """Count what Cal.com has for each attendee, whatever its reference."""
    return lambda: Counter(one["email"] for booking in simulator.bookings() for one in booking["attendees"])


@pytest.mark.long
def test_a_restored_database_books_nobody_twice_and_loses_nobody(
    fleet: Callable[..., Fleet],
    session_postgres: Any,
    database_url: str,
    tmp_path: Path,
    in_the_books: Callable[[], Counter[str]],
) -> None:
    """Booked before the backup, on the way at it, asked for after it and booked, asked for after it and not."""
    running = fleet(CALCOM_SETTLE_SECONDS="2")
    running.start()
    finals(enqueue(range(15)))
    running.stop()
    on_their_way = enqueue(range(15, 30))
    backup = Backup(session_postgres, database_url, tmp_path / "backup")
    running.start()
    finals(on_their_way)
    finals(enqueue(range(30, 44)))
    running.stop()
    enqueue(range(44, 50))
    assert len(in_the_books()) == 44

    backup.restore()
    enqueue(range(30, 34))  # callers do not wait for us
    argv = [sys.executable, "-m", "worker.cli", "restored", "--since", backup.moment.isoformat(), "--yes", "--json"]
    ran = subprocess.run(
        argv, env=running.environment, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert (said["unknown"], said["found"], said["asked_again"], said["unnamed"]) == (19, 14, 4, 0)

    running.start()
    ends = finals(enqueue(range(50)), within=90)
    assert {end.status for end in ends.values()} == {Status.CONFIRMED}
    assert in_the_books() == {
        f"pat{number}@example.com": WEEKS.get(KINDS[number % len(KINDS)], 1) for number in range(50)
    }
    eventually(lambda: len({end.calcom_booking_uid for end in ends.values()}) == 50, what="each has a booking")

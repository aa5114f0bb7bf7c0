"""A list as a file: whole, bounded in memory, harmless in a spreadsheet, and without anything personal."""

import asyncio
import csv
import io
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from tornado.web import HTTPError

from db.appointments.listing import Filter
from tests.support.flower_pages import PATIENCE, FlowerUnderTest
from worker.page import export
from worker.page.reading import EXPORTS

ROWS, PART = 30_000, 5000
MANY = text(
    "INSERT INTO appointments (uuid, idempotency_key, key_derived, payload_hash, correlation_id, task_id, status,"
    " event_type_id, start_at, attendee_name, attendee_email, attendee_time_zone)"
    " SELECT gen_random_uuid(), 'k' || n, false, 'h', 'c' || n, 't' || n, 'cancelled',"
    " 101, now() + n * interval '1 minute', 'Ann Example', 'ann@example.com', 'UTC'"
    " FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n"
)
CURSORS = "FROM pg_stat_activity WHERE state = 'idle in transaction'"
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\tx", "\rx")


def megabytes(flower: FlowerUnderTest) -> int:
    """Return the most memory that Flower has had so far."""
    status = Path(f"/proc/{flower.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def insert_many(engine: Engine, rows: int = ROWS) -> None:
    """Insert so many bookings, in parts that a busy machine inserts in time."""
    for first in range(1, rows, PART):
        with engine.begin() as conn:
            conn.execute(MANY, {"first": first, "last": first + PART - 1})


def test_no_cell_is_a_formula(flower: FlowerUnderTest, record: Any) -> None:
    """What would run in a spreadsheet is quoted; the same list in JSON is as it is; nobody's name in either."""
    for formula in FORMULAS:
        row = record.keep()
        record.write(row.id, error_type=formula)
    answer = flower.get("/resilience/bookings.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=UTF-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="bookings.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert sorted(row["error_type"] for row in rows) == sorted(f"'{formula}" for formula in FORMULAS)
    exported = flower.get("/resilience/bookings.json")
    assert sorted(row["error_type"] for row in exported.json()) == sorted(FORMULAS)
    for text_ in (answer.text, exported.text):
        assert "Ann" not in text_
        assert "example.com" not in text_


def test_an_export_is_the_list_that_its_address_names(flower: FlowerUnderTest, record: Any) -> None:
    """The same filter; nothing in it is an empty list, and what is wrong is said."""
    wanted, _ = record.keep(), record.keep()
    record.write(wanted.id, error_type="timeout")
    assert [row["id"] for row in flower.get("/resilience/bookings.json?error_type=timeout").json()] == [wanted.id]
    assert flower.get("/resilience/bookings.json?error_type=none").json() == []
    assert flower.get("/resilience/bookings.csv?error_type=none").text.count("\n") == 1
    wrong = flower.get("/resilience/bookings.csv?stat=held")
    assert (wrong.status_code, wrong.headers["Content-Type"]) == (422, "application/json; charset=UTF-8")


@pytest.mark.long
def test_a_long_export_is_bounded_and_its_length_is_known(flower: FlowerUnderTest, engine: Engine) -> None:
    """Less memory than its rows take; a reader sees by its length whether all has come."""
    insert_many(engine)
    flower.get("/resilience/bookings.csv?ids=1")
    before = megabytes(flower)
    with flower.session.get(f"{flower.url}/resilience/bookings.json", stream=True, timeout=60) as answer:
        parts = list(answer.iter_content(1 << 16))
    assert sum(part.count(b"\n") for part in parts) == ROWS + 2
    assert int(answer.headers.get("Content-Length", 0)) == sum(map(len, parts))
    assert megabytes(flower) - before < 8


@pytest.mark.long
def test_readers_that_take_nothing_block_nobody(flower: FlowerUnderTest, engine: Engine) -> None:
    """More of them than are read from Postgres at once: no cursor stays open for one, and another one has its file."""
    insert_many(engine, PART)
    with ExitStack() as readers:
        for _ in range(EXPORTS + 1):
            readers.enter_context(half_read(flower))
        assert cursors(engine) == 0
        assert flower.get("/resilience/bookings.csv").text.count("\n") == PART + 1
        assert flower.get("/workers").ok


def test_a_download_that_waits_for_others_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not that Postgres has no connection left."""
    monkeypatch.setattr(export, "EXPORT_PATIENCE", 0.01)

    async def body() -> None:
        monkeypatch.setattr(export, "_preparing", asyncio.Semaphore(0))
        waiting = export.Export.__new__(export.Export)
        with pytest.raises(HTTPError, match="2 other downloads are being read; try again in a moment"):
            await waiting._prepare(io.BytesIO(), Filter(), "csv")  # noqa: SLF001 - without a Flower around it

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, body()).result()


@contextmanager
def half_read(flower: FlowerUnderTest) -> Iterator[socket.socket]:
    """Ask for an export and take no more of it than its beginning."""
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(PATIENCE)
        reader.connect(("127.0.0.1", int(flower.url.rpartition(":")[2])))
        reader.sendall(b"GET /resilience/bookings.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
        yield reader


def cursors(engine: Engine) -> int:
    """Count the sessions that wait in the midst of reading."""
    with engine.connect() as conn:
        return int(conn.execute(text(f"SELECT count(*) {CURSORS}")).scalar_one())

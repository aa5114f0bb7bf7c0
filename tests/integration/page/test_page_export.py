"""A list as a file: whole, bounded in memory, harmless in a spreadsheet, and without anything personal."""

import csv
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from tests.support.fleet import eventually
from tests.support.flower_pages import FlowerUnderTest

ROWS = 30_000
MANY = text(
    "INSERT INTO appointments (uuid, idempotency_key, key_derived, payload_hash, correlation_id, task_id, status,"
    " event_type_id, start_at, attendee_name, attendee_email, attendee_time_zone)"
    " SELECT gen_random_uuid(), 'k' || n, false, 'h', 'c' || n, 't' || n, 'cancelled',"
    " 101, now() + n * interval '1 minute', 'Ann Example', 'ann@example.com', 'UTC' FROM generate_series(1, :rows) AS n"
)
CURSORS = "FROM pg_stat_activity WHERE state = 'idle in transaction'"
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\tx", "\rx")


def megabytes(flower: FlowerUnderTest) -> int:
    """Return the most memory that Flower has had so far."""
    status = Path(f"/proc/{flower.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


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


def test_a_long_export_is_bounded_and_ends_with_its_reader(flower: FlowerUnderTest, engine: Engine) -> None:
    """Less memory than its rows take. One that breaks off does not look whole; a reader who leaves leaves no cursor."""
    with engine.begin() as conn:
        conn.execute(MANY, {"rows": ROWS})
    flower.get("/resilience/bookings.csv?ids=1")
    before = megabytes(flower)
    with flower.session.get(f"{flower.url}/resilience/bookings.json", stream=True, timeout=60) as answer:
        lines = sum(part.count(b"\n") for part in answer.iter_content(1 << 16))
    assert lines == ROWS + 2
    assert megabytes(flower) - before < 8

    with half_read(flower, engine) as reader:
        with engine.begin() as conn:
            conn.execute(text(f"SELECT pg_terminate_backend(pid) {CURSORS}"))
        assert not read_on(reader).endswith(b"\r\n0\r\n\r\n"), "so ends a whole one"

    with half_read(flower, engine):
        assert flower.get("/workers").ok
    eventually(lambda: cursors(engine) == 0, what="no cursor is left, long before Flower's patience ends")


@contextmanager
def half_read(flower: FlowerUnderTest, engine: Engine) -> Iterator[socket.socket]:
    """Ask for an export and take no more of it than its beginning."""
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", int(flower.url.rpartition(":")[2])))
        reader.sendall(b"GET /resilience/bookings.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
        eventually(lambda: cursors(engine) == 1, what="a cursor is open while the reader takes nothing")
        yield reader


def read_on(reader: socket.socket) -> bytes:
    """Read to the end, and return the last of it."""
    last = b""
    while part := reader.recv(1 << 16):
        last = (last + part)[-100:]
    return last


def cursors(engine: Engine) -> int:
    """Count the sessions that wait in the midst of reading."""
    with engine.connect() as conn:
        return int(conn.execute(text(f"SELECT count(*) {CURSORS}")).scalar_one())

"""What the page reads beside 1,000,000 bookings, 100,000 of them held, and beside 1,000 and 100; what its indexes cost.

Each read is timed with nothing cached of what it reads, neither by PostgreSQL nor by the system, in turns between two
databases of one server. Medians are added up by kind (what is read every two seconds, charts, lists, searches, a scrape
of /metrics), and the kind that grows most is the figure. Of the blocks that a read touches each counts for itself, but
for a few more: each index is a level higher. Then bookings are kept, claimed and confirmed, in turns with the page's
indexes and without.
"""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from uuid import uuid4

from page import filled
from page.reads import INDEXES, blocks, reads
from plans import database
from sqlalchemy import Connection, Engine, text

from booking_client import correlation
from db import appointments
from db.appointments import NewAppointment
from db.lifecycle import Status
from worker.local import embedded
from worker.local.embedded import Guard

FEW, MANY = (1_000, 100), (1_000_000, 100_000)
WARM, TURNS = 2, 9
LEVELS = 6  # blocks: a search looks into five indexes and a table
KEPT, BOOKINGS, ROUNDS = 100_000, 500, 9
_OURS = text("""
SELECT oid, pg_relation_filepath(oid)
FROM pg_class
WHERE relnamespace = CAST('public' AS regnamespace) AND relkind IN ('r', 'i')
""")
_EVICT = text("SELECT pg_buffercache_evict_relation(CAST(:oid AS oid))")


def pairs() -> Iterator[dict[str, float]]:
    """Measure the reads, once, for to fill takes minutes; then rounds of bookings."""
    with Guard() as guard, embedded.servers(guard.folder(), valkey=False) as servers:
        with database(servers.postgres, "few") as few, database(servers.postgres, "many") as many:
            for engine, size in ((few, FEW), (many, MANY)):
                begun = time.monotonic()
                filled.fill(engine, *size)
                _tell(f"filled {size[0]:,} in {time.monotonic() - begun:.0f} s")
            yield _reads(few, many, servers.postgres.work)
        with database(servers.postgres, "plain") as plain, database(servers.postgres, "indexed") as indexed:
            for engine in (plain, indexed):
                filled.fill(engine, KEPT, 100)
            _at_once(plain, *(f"DROP INDEX {name}" for name in INDEXES))
            yield from _bookings(plain, indexed)


def _reads(few: Engine, many: Engine, folder: Path) -> dict[str, float]:
    with few.connect() as beside_few, many.connect() as beside_many:
        sides = {conn: (reads(conn), _Cold(conn, folder)) for conn in (beside_few, beside_many)}
        for (
            conn
        ) in sides:  # a plan that is kept spares what planning reads, and PostgreSQL keeps it where little is read
            conn.execute(text("SET plan_cache_mode = force_custom_plan"))
        touched = {conn: blocks(conn) for conn in sides}
        kinds = {conn: defaultdict[str, float](float) for conn in sides}
        sizes = []
        for name in touched[beside_few]:
            took = defaultdict[Connection, list[float]](list)
            for _ in range(WARM + TURNS):
                for conn, (found, cold) in sides.items():
                    cold.forget()
                    took[conn].append(_seconds(found[name]))
            ms = [1e3 * median(took[conn][WARM:]) for conn in sides]
            read = [touched[conn][name] for conn in sides]
            _tell(f"{name:28} {ms[0]:7.2f} ms {ms[1]:7.2f} ms {read[0]:7} {read[1]:7} blocks")
            for conn, took_ms in zip(sides, ms, strict=True):
                kinds[conn][_kind(name)] += took_ms
            sizes.append(read[1] / (read[0] + LEVELS))
        times = {kind: kinds[beside_many][kind] / ms for kind, ms in kinds[beside_few].items()}
        _tell(", ".join(f"{kind} {ratio:.2f}" for kind, ratio in times.items()))
        return {"page_costs": max(times.values()), "page_blocks": max(sizes)}


def _kind(name: str) -> str:
    """Return of what kind a read is."""
    return next((kind for kind in ("charts", "list", "search", "scrape") if name.startswith(kind)), "now")


class _Cold:
    """Have PostgreSQL and the system forget a database's tables and indexes."""

    def __init__(self, conn: Connection, folder: Path) -> None:
        conn.execute(text("CREATE EXTENSION IF NOT EXISTS pg_buffercache"))
        conn.execute(text("CHECKPOINT"))
        self._conn = conn
        self._relations = [(oid, folder / path) for oid, path in conn.execute(_OURS)]

    def forget(self) -> None:
        """Nothing of what was written or read before is in memory."""
        for oid, path in self._relations:
            self._conn.execute(_EVICT, {"oid": oid})
            for segment in path.parent.glob(f"{path.name}*"):
                with segment.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _bookings(plain: Engine, indexed: Engine) -> Iterator[dict[str, float]]:
    """Yield how many times as long, and as much WAL, a booking costs with the indexes.

    The first after a checkpoint write whole pages; how many depends on how many bookings come between two of them.
    """
    for number in range(ROUNDS + 1):
        if not number:
            _at_once(plain, "CHECKPOINT")
        (took, wrote), (without_took, without_wrote) = _book(indexed), _book(plain)
        _tell(
            f"a booking {1e3 * took:.3f} ms, without the indexes {1e3 * without_took:.3f}; WAL {wrote:.0f} bytes, "
            f"without {without_wrote:.0f}{'' if number else ' right after a checkpoint'}"
        )
        if number:
            yield {"page_index_time": took / without_took, "page_index_wal": wrote / without_wrote}


def _book(engine: Engine) -> tuple[float, float]:
    """Keep, claim and confirm bookings; return the seconds and the bytes of WAL of one."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET synchronous_commit = off"))  # to wait for the disk is the same with all indexes
        before = _written(conn)
        begun = time.perf_counter()
        for _ in range(BOOKINGS):
            [kept] = appointments.insert(conn, [_request()])
            claimed = appointments.claim(conn, kept.appointment.id, lease_seconds=50)
            assert claimed is not None  # noqa: S101 - it has just been kept
            token, uid = claimed.row.claim_token, uuid4().hex[:22]
            row = kept.appointment.id, Status.BOOKING, Status.CONFIRMED
            appointments.move(conn, *row, token=token, why="booked", calcom_booking_uid=uid)
        took = time.perf_counter() - begun
        return took / BOOKINGS, (_written(conn) - before) / BOOKINGS


def _request() -> NewAppointment:
    return NewAppointment(
        idempotency_key=uuid4().hex,
        key_derived=False,
        payload_hash="hash",
        correlation_id=correlation.new(),
        event_type_id=101,
        start_at=filled.START,
        attendee_name="Ann Example",
        attendee_email="ann@example.com",
        attendee_time_zone="UTC",
    )


def _written(conn: Connection) -> int:
    return int(conn.execute(text("SELECT pg_current_wal_insert_lsn() - '0/0'")).scalar_one())


def _at_once(engine: Engine, *statements: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for statement in statements:
            conn.execute(text(statement))


def _seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def _tell(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)

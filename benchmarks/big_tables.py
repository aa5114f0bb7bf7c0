"""How long the statements of claim, release and sweep take beside 2,000,000 appointments, and beside 2,000.

Two databases of one server, each with as many bookings that live; the statements take turns between them, as a process
does that lives, and of each the median time counts. The one that grows most is the figure.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from plans import database, fill, searches
from sqlalchemy import Connection, Engine, text

from db import appointments
from worker.local import embedded
from worker.local.embedded import Guard

FEW, MANY, LIVING = 2_000, 2_000_000, 200
WARM, TURNS = 7, 60  # psycopg prepares at the sixth, and only then may PostgreSQL choose a plan for all parameters
HANDS = 2
STATEMENTS = (
    "release_due",
    "release_these",
    "waiting",
    "waiting, postable",
    "flag_degraded",
    "expire",
    "lost_leases",
    "unsent, queue empty",
    "unsent",
    "never_known",
    "suspects_due",
    "series_due",
)


def pairs() -> Iterator[dict[str, float]]:
    """Fill both, then measure; once, for to fill takes a minute."""
    with (
        Guard() as guard,
        embedded.servers(guard.folder(), valkey=False) as servers,
        database(servers.postgres, "few") as few,
        database(servers.postgres, "many") as many,
    ):
        begun = time.monotonic()
        _fill(few, FEW)
        _fill(many, MANY)
        print(f"  filled in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        with few.connect() as beside_few, many.connect() as beside_many:
            yield {"big_tables": max(_ratios(beside_few, beside_many))}


def _fill(engine: Engine, count: int) -> None:
    """Fill without what only slows it: indexes are made when all is there."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        made = conn.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'appointments'"
                " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
            )
        ).all()
        for name, _ in made:
            conn.execute(text(f"DROP INDEX {name}"))
    fill(engine, 1, 0, living=LIVING, stories=False)
    share = -(-(count - LIVING) // HANDS)
    with ThreadPoolExecutor(HANDS) as hands:
        firsts = range(1, count - LIVING, share)
        list(hands.map(lambda at: fill(engine, at, min(at + share - 1, count - LIVING), stories=False), firsts))
        list(hands.map(lambda index: _at_once(engine, index[1]), made))
    _at_once(engine, "VACUUM ANALYZE")


def _at_once(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("SET maintenance_work_mem = '128MB'"))
        conn.execute(text(statement))


def _ratios(few: Connection, many: Connection) -> Iterator[float]:
    """Yield how many times as long each statement takes beside many."""
    sides = {conn: _statements(conn) for conn in (few, many)}
    for name in sides[few]:
        took = defaultdict[Connection, list[float]](list)
        for _ in range(WARM + TURNS):
            for conn, statements in sides.items():
                took[conn].append(_seconds(conn, statements[name]))
        beside_few, beside_many = (median(took[conn][WARM:]) for conn in sides)
        print(f"  {name:20} {1e3 * beside_few:6.2f} ms {1e3 * beside_many:6.2f} ms", file=sys.stderr, flush=True)
        yield beside_many / beside_few


def _statements(conn: Connection) -> dict[str, Callable[[], object]]:
    pending = conn.execute(text("SELECT min(id) FROM appointments WHERE status = 'pending'")).scalar_one()
    found = searches(conn)
    claim = {"claim": lambda: appointments.claim(conn, pending, lease_seconds=60)}
    return claim | {name: found[name] for name in STATEMENTS}


def _seconds(conn: Connection, do: Callable[[], object]) -> float:
    """Run it, and undo it."""
    with conn.begin_nested() as undone:
        begun = time.perf_counter()
        do()
        took = time.perf_counter() - begun
        undone.rollback()
    return took

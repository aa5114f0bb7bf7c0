"""How long a list looks on for 17 bookings of 1,000,000 that no index finds, and what one step of that reads.

By each filter, and each pair of filters, the list is looked through to its end, as the page does; it must find what one
plain statement finds. The longest of these is compared with the five seconds after which the page asks whether to look
on. The blocks of a step, the first and one in the middle, are compared with the most that a step reads beside 10,000
bookings, which is all of them.
"""

import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import combinations
from typing import Any

from page import filled
from page.costs import LEVELS
from page.reads import statements, touched
from plans import database
from sqlalchemy import Connection, Engine, text

from db.appointments import listing, looking
from db.appointments.listing import Filter, Sort
from db.lifecycle import HoldReason, Status
from worker.local import embedded
from worker.local.embedded import Guard

FEW, MANY = (10_000, 1_000), (1_000_000, 100_000)
RARE = 17
LONGEST = 5.0  # seconds
_MARK = text("""
UPDATE appointments SET event_type_id = 999, error_type = 'rare'
WHERE id IN (
    SELECT id FROM appointments
    WHERE id % (SELECT max(id) / :rare FROM appointments) = 5
    ORDER BY id
    LIMIT :rare
)
""")


def pairs() -> Iterator[dict[str, float]]:
    """Measure once, for to fill takes minutes."""
    with (
        Guard() as guard,
        embedded.servers(guard.folder(), valkey=False) as servers,
        database(servers.postgres, "few") as few,
        database(servers.postgres, "many") as many,
    ):
        for engine, size in ((few, FEW), (many, MANY)):
            filled.fill(engine, *size)
            _mark(engine)
        with few.connect() as beside_few, many.connect() as beside_many:
            yield {
                "list_look": max(_looked(beside_many)) / LONGEST,
                "list_step": max(_steps(beside_few, beside_many)),
            }


def filters(conn: Connection) -> dict[str, Filter]:
    """Return each filter of which an index knows nothing, alone and with each other one."""
    now: datetime = conn.execute(text("SELECT now()")).scalar_one()
    alone: dict[str, dict[str, Any]] = {
        "type": {"event_type": "999"},
        "error": {"error_type": "rare"},
        "failed": {"state": Status.FAILED},
        "confirmed": {"state": Status.CONFIRMED},
        "held": {"state": Status.HELD},
        "in line": {"reason": HoldReason.IN_LINE},
        "asked": {"requested_from": now - timedelta(days=3650)},
        "starts": {"start_from": now - timedelta(days=3650)},
        "by start": {"state": Status.HELD, "sort": Sort.START},
    }
    rare = {"type", "error"}
    chosen = [(name,) for name in rare] + [pair for pair in combinations(alone, 2) if rare & set(pair)]
    return {" + ".join(names): Filter(**{k: v for name in names for k, v in alone[name].items()}) for names in chosen}


def _mark(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(_MARK, {"rare": RARE})
        conn.execute(text("VACUUM ANALYZE appointments"))


def _looked(conn: Connection) -> Iterator[float]:
    for name, wanted in filters(conn).items():
        expected = len(list(listing.stream(conn, wanted)))
        begun = time.monotonic()
        found = looking.look_on(conn, wanted, None, 50, lambda: True)
        took = time.monotonic() - begun
        assert (len(found.rows), found.next) == (expected, None), name  # noqa: S101 - else the figure is of another list
        print(f"{name:24} {took:6.2f} s, {expected} found", file=sys.stderr)
        yield took


def _steps(few: Connection, many: Connection) -> Iterator[float]:
    whole = max(_blocks(few, wanted, None) for wanted in filters(few).values())
    for name, wanted in filters(many).items():
        middle = looking.look_on(many, wanted, None, 50, lambda: False).next
        beside_many = max(_blocks(many, wanted, after) for after in (None, middle))
        print(f"{name:24} {whole:7} {beside_many:7} blocks", file=sys.stderr)
        yield beside_many / (whole + LEVELS)


def _blocks(conn: Connection, wanted: Filter, after: str | None) -> int:
    step = partial(looking.look_on, conn, wanted, after, 50, lambda: False)
    return sum(touched(conn, *asked) for asked in statements(conn, step))

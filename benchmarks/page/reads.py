"""How many blocks each read of the page touches beside few bookings, and beside many: it must hardly grow with them.

What the page asks is asked again by EXPLAIN, which counts the blocks of its execution. Then each index of the page is
dropped for once: something must read more without it. Exits with 1 when a read grows, or an index is missed by none.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from page import filled
from plans import database
from sqlalchemy import Connection, event, text

from db import appointments
from db.appointments import events, listing, looking, search
from db.appointments.listing import Filter, Sort
from db.lifecycle import HoldReason, Status
from db.monitoring import call_marks, charts, metric_totals, operator_actions
from tasks.dependencies import Timings
from tasks.overview.record import read_record
from worker.local import embedded

RATIO = 1.5
HEIGHT = 2  # blocks: so much more a higher index costs where next to nothing is read
LOOKED = 90  # rows of a step that looks on: fewer than there are of any state beside few
INDEXES = (
    *(
        f"appointments_{name}"
        for name in ("status", "held_asked", "held_start", "correlation", "booking_uid", "unknown")
    ),
    *(f"operator_actions_{name}" for name in ("calls", "who", "action", "who_action")),
)
Reads = dict[str, Callable[[], object]]
ACTIONS: dict[str, Callable[[Connection], object]] = {
    "call marks": lambda conn: call_marks.in_force(conn, range(1, 51)),
    "people of actions": lambda conn: operator_actions.people(conn, 100),
    "actions": lambda conn: operator_actions.latest(conn, 50),
    "actions of a person": lambda conn: operator_actions.latest(conn, 50, who="bob"),
    "actions of a busy person": lambda conn: operator_actions.latest(conn, 50, who="ann"),
    "actions of a kind": lambda conn: operator_actions.latest(conn, 50, action="reveal"),
    "actions of a frequent kind": lambda conn: operator_actions.latest(conn, 50, action="called"),
    "actions of both, none": lambda conn: operator_actions.latest(conn, 50, who="bob", action="called"),
    "actions of both, frequent": lambda conn: operator_actions.latest(conn, 50, who="ann", action="retry"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; return 1 when something grows, or an index is missed by nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, nargs=2, default=(1_000, 100), help="bookings, and those of them held")
    parser.add_argument("--many", type=int, nargs=2, default=(20_000, 5_000), help="the same of the other side")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(arguments)
    with (
        embedded.servers(valkey=False) as servers,
        database(servers.postgres, "few") as few,
        database(servers.postgres, "many") as many,
    ):
        filled.fill(few, *asked.few)
        filled.fill(many, *asked.many)
        with few.connect() as conn:
            before = blocks(conn)
        with many.connect() as conn:
            after = blocks(conn)
            missed = {name: _grown(after, _without(conn, name)) for name in INDEXES}
    grown = _grown(before, after)
    if asked.json:
        print(json.dumps({"few": before, "many": after, "grown": grown, "without": missed}))
    else:
        for name in before:
            print(f"{name:40}{before[name]:8}{after[name]:8}{'  GROWS' if name in grown else ''}")
        for name, reads in missed.items():
            print(f"without {name:20} {', '.join(reads) or 'NOTHING IS MISSED'}")
    return int(bool(grown) or not all(missed.values()))


def reads(conn: Connection) -> Reads:
    """Return everything that the page reads of Postgres, by name: each as one answer to the browser."""
    now: datetime = conn.execute(text("SELECT now()")).scalar_one()
    row = appointments.find(conn, "ended-9")
    assert row is not None  # noqa: S101 - it is filled in
    lists = {
        "all": Filter(),
        "all, by request": Filter(sort=Sort.ASKED),
        "confirmed": Filter(state=Status.CONFIRMED),
        "confirmed, by start": Filter(state=Status.CONFIRMED, sort=Sort.START),
        "failed": Filter(state=Status.FAILED),
        "pending": Filter(state=Status.PENDING),
        "held": Filter(state=Status.HELD),
        "held, by request": Filter(state=Status.HELD, sort=Sort.ASKED),
        "held, by start": Filter(state=Status.HELD, sort=Sort.START),
        "held for the breaker": Filter(reason=HoldReason.BREAKER_OPEN),
        "held in line": Filter(reason=HoldReason.IN_LINE),
        "at risk": Filter(at_risk=now + timedelta(hours=2)),
        "of a day": Filter(requested_from=now - timedelta(hours=9), requested_to=now - timedelta(hours=4)),
    }
    ends = ("confirmed", "failed", "held", "held for the breaker")
    sparse = {  # which no index finds
        "of a type": Filter(event_type="nobody's"),
        "with an error": Filter(error_type="nobody's"),
        "held, with an error": Filter(state=Status.HELD, error_type="nobody's"),
        "held, of a type, by start": Filter(state=Status.HELD, event_type="nobody's", sort=Sort.START),
        "failed, of a type": Filter(state=Status.FAILED, event_type="nobody's"),
    }
    words = {
        "id": str(row.id),
        "uuid": str(row.uuid),
        "given key": "ended-9",
        "derived key": "ended-2",
        "ended derived key": "ended-8",
        "correlation id": row.correlation_id,
        "Cal.com's uid": _uid(conn),
        "nothing": "nobody's",
    }
    return {
        "overview": lambda: read_record(conn, now, "calcom", Timings()),
        **{f"charts, {hours} h": partial(_charts, conn, now, hours) for hours in (1, 24, 168)},
        **{f"list: {name}": partial(_list, conn, wanted) for name, wanted in lists.items()},
        **{f"last page: {name}": _last_page(conn, lists[name]) for name in ends},
        **{f"look on: {name}": partial(_look, conn, wanted) for name, wanted in sparse.items()},
        **{f"search: {name}": partial(search.find, conn, word) for name, word in words.items()},
        **{name: partial(do, conn) for name, do in ACTIONS.items()},
        "metrics": partial(metric_totals.read, conn),
        "scrape": lambda: (read_record(conn, now, "calcom", Timings()), metric_totals.read(conn)),
        "one booking": lambda: (appointments.get(conn, row.id), events.timeline(conn, row.id)),
    }


def blocks(conn: Connection, *, actions: bool | None = None) -> dict[str, int]:
    """Return how many blocks each read touches; `actions`: the reads of operators' actions alone, or all others."""
    asked = {name: do for name, do in reads(conn).items() if actions is None or (name in ACTIONS) is actions}
    return {name: sum(touched(conn, *sent) for sent in statements(conn, do)) for name, do in asked.items()}


def statements(conn: Connection, do: Callable[[], object]) -> list[tuple[str, Any]]:
    """Return the statements that `do` sends, with their parameters."""
    sent: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(conn, "before_cursor_execute", note)
    do()
    event.remove(conn, "before_cursor_execute", note)
    return sent


def touched(conn: Connection, statement: str, parameters: Any) -> int:
    """Return how many blocks a statement touches."""
    cursor: Any = conn.connection.cursor()
    [(explained,)] = cursor.execute(
        f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}", parameters
    ).fetchall()
    return int(explained[0]["Plan"]["Shared Hit Blocks"]) + int(explained[0]["Plan"]["Shared Read Blocks"])


def _grown(few: dict[str, int], many: dict[str, int]) -> list[str]:
    return [name for name, count in many.items() if count > RATIO * few[name] + HEIGHT]


def _without(conn: Connection, index: str) -> dict[str, int]:
    with conn.begin_nested() as undone:
        conn.execute(text(f"DROP INDEX {index}"))
        read = blocks(conn, actions=index.startswith("operator_actions"))
        undone.rollback()
    return read


def _charts(conn: Connection, now: datetime, hours: int) -> Any:
    until = now.replace(second=0, microsecond=0)
    since, step = until - timedelta(hours=hours), timedelta(minutes=max(1, hours * 60 // 360))
    return (
        charts.minutes(conn, since, until, step=step),
        charts.failures(conn, "calcom", since, until, step=step),
        charts.breaker(conn, "calcom", since),
    )


def _look(conn: Connection, wanted: Filter) -> object:
    return looking.look_on(conn, wanted, None, 50, lambda: False, scan=LOOKED)


def _list(conn: Connection, wanted: Filter) -> Any:
    behind = listing.page(conn, wanted, limit=20).next
    return listing.page(conn, wanted), listing.page(conn, wanted, after=behind), listing.count(conn, wanted)


def _last_page(conn: Connection, wanted: Filter) -> Callable[[], object]:
    count = len(list(listing.stream(conn, wanted)))
    return partial(listing.page, conn, wanted, after=listing.page(conn, wanted, limit=count - 20).next)


def _uid(conn: Connection) -> str:
    return str(
        conn.execute(text("SELECT calcom_booking_uid FROM appointments WHERE idempotency_key = 'ended-1'")).scalar_one()
    )


if __name__ == "__main__":
    sys.exit(main())

"""A host application of the fire suite: each booking and its order are one transaction, which ends as its fate says.

What dies in a transaction is a child process with a connection of its own, killed with SIGKILL. The host writes down
each fate that was met; what was committed is what its table of orders has.
"""

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine, pool, text
from sqlalchemy.orm import Session

from booking_client import Bookings
from tests.chaos.processes.caller import few

SIZE = 8  # transactions at a time
PAUSE = 0.02
DOWN = "down"  # a file beside the journal: broker and workers are down
_ORDERS = "CREATE TABLE IF NOT EXISTS orders (number integer PRIMARY KEY, booking bigint NOT NULL)"
_LAST = "SELECT coalesce(max(number), -1) FROM orders"


class Fate(StrEnum):
    """How a transaction ends."""

    ROLLED_BACK = "rolled back"
    KILLED_BEFORE = "killed before its COMMIT"
    KILLED_AFTER = "killed after its COMMIT"
    COMMITTED = "committed"
    WHILE_DOWN = "committed while broker and workers are down"


NOT_THERE = frozenset({Fate.ROLLED_BACK, Fate.KILLED_BEFORE})
USUAL = (Fate.ROLLED_BACK, Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.COMMITTED)


def journal(file: Path) -> dict[int, Fate]:
    """Read number -> fate of the transactions that met their fate."""
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return {number: Fate(fate) for number, fate in map(json.loads, lines)}


def met(file: Path) -> Counter[Fate]:
    """Count the transactions that met each fate."""
    return Counter(journal(file).values())


def _by_psycopg(url: str, number: int, fate: Fate) -> None:
    with Bookings(url) as bookings:
        conn = psycopg.connect(url, connect_timeout=5)
        receipt = bookings.enqueue(few(number), connection=conn)
        conn.execute("INSERT INTO orders VALUES (%s, %s)", (number, receipt.appointment_id))
        _end(fate, conn)
        conn.close()


def _by_sqlalchemy(url: str, number: int, fate: Fate) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=pool.NullPool)
    with Bookings(url) as bookings, Session(engine) as session:
        receipt = bookings.enqueue(few(number), connection=session)
        order = {"number": number, "booking": receipt.appointment_id}
        session.execute(text("INSERT INTO orders VALUES (:number, :booking)"), order)
        _end(fate, session)


WAYS = (_by_psycopg, _by_sqlalchemy)


def _end(fate: Fate, transaction: Any) -> None:
    if fate is Fate.KILLED_BEFORE:
        os.kill(os.getpid(), signal.SIGKILL)
    if fate is Fate.ROLLED_BACK:
        transaction.rollback()
    else:
        transaction.commit()
    if fate is Fate.KILLED_AFTER:
        os.kill(os.getpid(), signal.SIGKILL)


def _start(transact: Callable[[str, int, Fate], None], url: str, number: int, fate: Fate) -> int:
    """Run a transaction in a child; return its id."""
    child = os.fork()
    if child:
        return child
    try:
        transact(url, number, fate)
    except BaseException as error:  # noqa: BLE001 - Postgres is hurt; whatever it is, this child ends here
        sys.stdout.write(f"{number}: {type(error).__name__}\n")
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)


def _has_met(child: int, fate: Fate) -> bool:
    """Wait for a child to end; return whether its transaction met its fate."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == (-signal.SIGKILL if "killed" in fate else 0)


def _following(url: str, file: Path) -> int:
    """Return the first number that no transaction has had; orders that are not in the journal have been committed."""
    pause = threading.Event()
    while True:
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=5) as conn:
                conn.execute(_ORDERS)
                [last] = conn.execute(_LAST).fetchone() or (-1,)
                return 1 + max(last, *journal(file), -1)
        except psycopg.OperationalError:
            pause.wait(PAUSE)


def order(file: Path, url: str) -> None:
    """Make transactions for ever, some at a time, of each fate in turn; every second by SQLAlchemy."""
    pause = threading.Event()
    number = _following(url, file)
    while True:
        down = file.with_name(DOWN).exists()
        fates = {one: Fate.WHILE_DOWN if down else USUAL[one // 2 % len(USUAL)] for one in range(number, number + SIZE)}
        children = {one: _start(WAYS[one % 2], url, one, fate) for one, fate in fates.items()}
        met_it = [one for one, child in children.items() if _has_met(child, fates[one])]
        with file.open("a") as lines:
            lines.writelines(json.dumps([one, fates[one]]) + "\n" for one in met_it)
        number += SIZE
        pause.wait(PAUSE)


if __name__ == "__main__":
    order(Path(sys.argv[1]), os.environ["DATABASE_URL"])  # noqa: TID251 - a host's own settings

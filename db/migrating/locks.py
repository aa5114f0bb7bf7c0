"""The steps of a migration beside workers and callers: short transactions, and what is built while all go on.

Who waits for ACCESS EXCLUSIVE makes everybody behind it wait too. So a transaction locks its tables first, all in one
statement and in the order in which workers lock them, gives up after LOCK_SECONDS, lets the others go, and tries again.
That is shorter than PostgreSQL's `deadlock_timeout` (1 s): it gives up before a worker could be ended by a deadlock.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from db.migrating.parts import Added, Check, Index
from db.migrating.waits import MARK, Say, Waits
from db.namespace import TABLES, schema_of

T = TypeVar("T")
LOCK_SECONDS = 0.5
# PostgreSQL ends an autovacuum that stands in the way of somebody who has waited for `deadlock_timeout`.
VACUUM_SECONDS = 1.3
PAUSE = 0.5  # seconds between two tries, for those who waited behind one
LOCKS_PATIENCE = 600.0  # seconds for which the locks of one transaction are tried
# Workers move a booking, then what belongs to it; the statements of a change lock its booking before.
_FIRST = ("appointments", "booking_changes", "moved_starts", "appointment_events", "callbacks")
ORDER = (*_FIRST, *(name for name in TABLES if name not in _FIRST))
_DEADLOCK, _NO_LOCK, _TOO_LONG = "40P01", "55P03", "57014"
_LOCK = 0x626F6F6B696E67  # "booking"; any number will do that nobody else locks


class LockedOutError(Exception):
    """Say who holds a lock that a migration needs, for longer than it waits."""


@contextmanager
def alone(engine: Engine, say: Say) -> Iterator[None]:
    """Let no other migration of this database run in this block: wait for it, and say so.

    The lock belongs to a transaction that is kept open, for a pooler may give each transaction another session; it has
    no snapshot, for which an index that is built concurrently would wait.
    """
    said = False
    with engine.connect() as keeper:
        while not keeper.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}).scalar():
            keeper.rollback()
            if not said:
                say("another migration of this database is running: waiting for it")
            said = True
            _wait(PAUSE)
        keeper.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield


def in_transaction(engine: Engine, waits: Waits, tables: Collection[str], do: Callable[[Connection], T]) -> T:
    """Lock these tables, those that are there, and do it, in one transaction; again when somebody holds a lock.

    Raises:
        LockedOutError: Somebody held it for LOCKS_PATIENCE; nothing of this transaction is left.
    """
    ends_at = time.monotonic() + LOCKS_PATIENCE

    def once() -> T:
        return _once(engine, VACUUM_SECONDS if waits.for_vacuum else LOCK_SECONDS, tables, do)

    def give_up() -> None:
        if time.monotonic() >= ends_at:
            raise LockedOutError(waits.last or "locks that others held, one after the other")

    return _again_if_busy(once, give_up, _TOO_LONG)


def add(engine: Engine, waits: Waits, added: Added) -> None:
    """Run a short ALTER TABLE in a transaction of its own."""
    in_transaction(engine, waits, (added.table,), lambda conn: conn.exec_driver_sql(added.sql))


def build(engine: Engine, waits: Waits, part: Check | Index) -> None:
    """Build what reads a whole table while all go on.

    An index that is there is left; what a run that was broken off has left of one is dropped before, and here as well.
    """
    if isinstance(part, Check):
        _again_if_busy(lambda: _at_ease(engine, part.sql))
        return
    if _is_whole(engine, part.name):
        return

    def drop(conn: Connection) -> None:
        conn.exec_driver_sql(f"DROP INDEX IF EXISTS {part.name}")

    def build_it() -> None:
        if _is_whole(engine, part.name) is False:
            in_transaction(engine, waits, (part.table,), drop)
        try:
            _at_ease(engine, part.concurrent_sql)
        except BaseException:
            with suppress(DBAPIError):  # the next run drops it
                _once(engine, LOCK_SECONDS, (part.table,), drop)
            raise

    _again_if_busy(build_it)


def search_our_schema(conn: Connection) -> str | None:
    """Have this transaction make its tables and functions in the schema of our own, and return it, if there is one."""
    if schema := schema_of(conn):
        conn.execute(text("SELECT set_config('search_path', :schema, true)"), {"schema": schema})
    return schema


def _again_if_busy(do: Callable[[], T], give_up: Callable[[], None] = lambda: None, *more: str) -> T:
    """Do it until no deadlock, and no lock that was not free in time, ends it, nor a state of `more`."""
    while True:
        try:
            return do()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in {_DEADLOCK, _NO_LOCK, *more}:
                raise
        give_up()
        _wait(PAUSE)


def _once(engine: Engine, seconds: float, tables: Collection[str], do: Callable[[Connection], T]) -> T:
    with engine.begin() as conn:
        search_our_schema(conn)
        _bound(conn, seconds)
        there = [name for name in ORDER if name in tables and _is_there(conn, name)]
        if there:
            conn.exec_driver_sql(f"{MARK} LOCK TABLE {', '.join(there)}")
        # A table may be large, and `deadline(None)` waits for it; for what else is to be locked it waits as shortly.
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        return do(conn)


def _bound(conn: Connection, seconds: float) -> None:
    """Wait no longer for one lock, nor for all locks of one statement together."""
    bound = {"within": f"{seconds * 1000:.0f}ms"}
    conn.execute(
        text("SELECT set_config('lock_timeout', :within, true), set_config('statement_timeout', :within, true)"), bound
    )


def _is_there(conn: Connection, table: str) -> bool:
    return bool(conn.execute(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": table}).scalar())


def _is_whole(engine: Engine, index: str) -> bool | None:
    """Return whether an index serves, or is what was left of one; None: there is none."""
    asked = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    with engine.begin() as conn:
        search_our_schema(conn)
        whole: bool | None = conn.execute(asked, {"name": index}).scalar()
        return whole


def _at_ease(engine: Engine, statement: str) -> None:
    """Run a statement outside any transaction, without a time-out: who works on the table is not made to wait by it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        driver: Any = conn.connection.driver_connection
        # A pooler's session is not ours to change: there the role's time-outs are in force.
        if conn.execute(text("SELECT pg_backend_pid()")).scalar() == driver.info.backend_pid:
            conn.exec_driver_sql("SET statement_timeout = 0")
            conn.exec_driver_sql("SET lock_timeout = 0")
        try:
            conn.exec_driver_sql(f"{MARK} {statement}")
        finally:
            conn.invalidate()  # nobody else is to have this session


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)

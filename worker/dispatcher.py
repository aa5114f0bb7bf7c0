"""The dispatcher: a client's commit wakes it, and it publishes what was kept; it also tells of what has settled.

One thread beside the periodic tasks, with a connection of its own, for notifications come to a session. PgBouncer in
transaction mode lends none, so the connection is direct (DATABASE_DIRECT_URL); without one the sweeper publishes, and
who waits for an outcome asks for it.

Commits that notify stand in one line in PostgreSQL. So the moves of bookings notify nobody: a few times a second this
one transaction notifies of all that have settled, whatever their number, and sends the callbacks that are new.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from booking_client.asking import ASKED_AGAIN, ask
from booking_client.database.statements import Query, run
from booking_client.settled import CHANNEL, cursor_now, settled_since
from db import callbacks
from db.engine import make_engine
from db.namespace import OPTION, schema_of
from tasks.callbacks import due
from tasks.dependencies import Dependencies
from tasks.host.log import Logger
from tasks.maintenance.asked_again import ASKED_AGAIN as LOOK
from tasks.maintenance.dispatch import dispatch
from tasks.work.publish import call_later

REQUESTED = "booking_requested"  # what the client's INSERT notifies (its sql/insert.sql)
EVERY = 0.25  # seconds from one look at what has settled to the next
PAUSE = 1.0  # seconds until a lost connection is made again

_NOTIFY = "SELECT pg_notify(%(channel)s, CAST(id AS text)) FROM unnest(CAST(%(ids)s AS bigint[])) AS id"

log = Logger(__name__)
_ending = threading.Event()


def start(deps: Dependencies, url: str) -> threading.Thread:
    """Start the dispatcher, which listens on a connection to `url`; return its thread."""
    _ending.clear()
    engine = make_engine(url, pool_size=1, schema=deps.engine.get_execution_options().get(OPTION))
    thread = threading.Thread(target=_run, args=(deps, engine), name="dispatcher", daemon=True)
    thread.start()
    return thread


def stop() -> None:
    """End the dispatcher, within EVERY seconds."""
    _ending.set()


def _run(deps: Dependencies, engine: Engine) -> None:
    failing = ""
    while not _ending.is_set():
        began_at = time.monotonic()
        try:
            _listen(deps, engine)
        except Exception as exc:  # noqa: BLE001 - the dispatcher must outlive whatever it meets
            lasted, error = time.monotonic() - began_at, type(exc).__name__
            if error != failing or lasted > 10 * PAUSE:  # an outage is logged once, not each second
                log.warning("dispatcher_does_not_listen", error=error, next="the sweeper publishes meanwhile")
            failing = error
        _ending.wait(PAUSE)


def _listen(deps: Dependencies, engine: Engine) -> None:
    with engine.connect() as conn:
        session: Any = conn.connection.driver_connection
        try:
            session.autocommit = True
            session.execute(f"LISTEN {REQUESTED}")
            session.execute(f"LISTEN {ASKED_AGAIN}")
            settled, new = _EndNotices(session, schema_of(conn)), _NewCallbacks(conn)

            def tell() -> None:
                if settled.notify_if_due():
                    new.send()

            dispatch(deps, tell)  # what was kept while nobody listened
            while not _ending.is_set():
                _answer(deps, list(session.notifies(timeout=EVERY, stop_after=1)), tell)
                tell()
        finally:
            with suppress(SQLAlchemyError):
                conn.invalidate()  # it listens: nobody else is to have it


def _answer(deps: Dependencies, heard: Sequence[psycopg.Notify], meanwhile: Callable[[], object]) -> None:
    if any(one.channel == REQUESTED for one in heard):
        dispatch(deps, meanwhile)
    for payload in {one.payload for one in heard if one.channel == ASKED_AGAIN and one.payload.isdecimal()}:
        call_later(deps, LOOK, "maintenance", countdown=0, args=[int(payload)])


class _EndNotices:
    """Notify of the bookings that have settled since this process began to look; who missed some has a cursor."""

    def __init__(self, session: Any, schema: str | None) -> None:
        self._ask, self._schema = partial(ask, session), schema
        self._cursor = run(cursor_now(schema), self._ask)
        self._looked_at = time.monotonic()

    def notify_if_due(self) -> bool:
        """Notify of what has settled since the last look, and return whether EVERY seconds have passed since then."""
        if time.monotonic() - self._looked_at < EVERY:
            return False
        self._looked_at = time.monotonic()
        while found := run(settled_since(self._cursor, self._schema), self._ask):
            self._cursor = found[-1].cursor
            self._ask(Query(_NOTIFY, {"channel": CHANNEL, "ids": [one.outcome.appointment_id for one in found]}))
        return True


class _NewCallbacks:
    """Send callbacks soon after the moves that wrote them; the tick sends those that commit out of their turn."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._newest = callbacks.newest(conn)

    def send(self) -> None:
        """Send what is due, if a callback has come since the last look."""
        if (newest := callbacks.newest(self._conn)) != self._newest:
            self._newest = newest
            due.send_next()

"""Sessions of PostgreSQL that go from a test to the next: a new one has nothing in its caches, and costs the most.

What an engine's pool keeps when its test ends, in no transaction, is made as new there (DISCARD ALL: settings, locks,
LISTEN, temporary tables, plans) and is the next one's that connects in the very same way. What a test has in use then
is not kept: it stays open, and is found. The connection of psycopg is a new one each time.
"""

from collections import defaultdict
from contextlib import suppress
from typing import Any

from psycopg.abc import PQGenConn
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Empty

from booking_client.database.deadlines import DeadlineConnection

MOST = 4  # of one way to connect: more than most tests have at once

_kept: defaultdict[str, list[PGconn]] = defaultdict(list)  # by how they were connected, the last in use last
_connect: Any = DeadlineConnection.__dict__["_connect_gen"].__func__


def _begin(cls: type[DeadlineConnection], conninfo: str = "") -> PQGenConn[DeadlineConnection]:
    """Take a session that is kept, or connect."""
    kept = _take(conninfo)
    connection: Any = cls(kept) if kept else (yield from _connect(cls, conninfo))
    connection.tests_conninfo = conninfo
    return connection  # type: ignore[no-any-return]


DeadlineConnection._connect_gen = classmethod(_begin)  # type: ignore[assignment, method-assign] # noqa: SLF001 - the seam


def _take(conninfo: str) -> PGconn | None:
    kept = _kept[conninfo]
    while kept:
        session = kept.pop()
        with suppress(Exception):  # its server has ended, or has ended it
            session.consume_input()
            if session.transaction_status == TransactionStatus.IDLE and not session.notifies():
                return session
        session.finish()
    return None


def keep(engine: Engine) -> None:
    """Keep what the pool of an engine does not lend at this moment; dispose of the engine."""
    if isinstance(engine.pool, QueuePool):
        with suppress(Empty):
            while True:
                entry: Any = engine.pool._pool.get(block=False)  # noqa: SLF001 - where it keeps them
                if entry.dbapi_connection is not None and _is_kept(entry.dbapi_connection):
                    entry.dbapi_connection = None
                entry.close()
    engine.dispose()


def _is_kept(connection: Any) -> bool:
    """Keep a connection's session as new, and leave the connection without it; return whether that was possible."""
    asked = getattr(connection, "tests_conninfo", None)
    if asked is None or connection.closed or len(_kept[asked]) >= MOST:
        return False
    session = connection.pgconn
    if session.transaction_status != TransactionStatus.IDLE:
        return False
    if session.exec_(b"DISCARD ALL").status != ExecStatus.COMMAND_OK:
        return False
    del connection.pgconn  # as a connection that was never made: nothing warns that it is open
    _kept[asked].append(session)
    return True


def kept(url: str) -> list[int]:
    """Return the numbers of the server's processes that serve the kept sessions of a database."""
    return [session.backend_pid for sessions in _kept.values() for session in sessions if _is_of(session, url)]


def end(url: str) -> None:
    """End the kept sessions of a database."""
    for conninfo, sessions in list(_kept.items()):
        _kept[conninfo] = [session for session in sessions if not _is_of(session, url)]
        for session in sessions:
            if session not in _kept[conninfo]:
                session.finish()


def _is_of(session: PGconn, url: str) -> bool:
    return url.endswith(f":{session.port.decode()}/{session.db.decode()}")

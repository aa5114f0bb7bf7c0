"""The engines of this process: what their pools keep for the next who asks ends with the database that they are for.

A connection that somebody still has then stays open, and is found. A statement is compiled once for all of them, as it
is in a process that has one engine: each test has engines of its own, and to compile was a tenth of all that tests did.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.util import LRUCache

_used: set[Engine] = set()  # also those that nobody has any more: their connections last until they are collected
_compiled: LRUCache[Any, Any] = LRUCache(2_000)  # by statement and dialect


@event.listens_for(Engine, "engine_connect")
def _note(conn: Connection) -> None:
    _used.add(conn.engine)
    if isinstance(conn.dialect, PGDialect_psycopg) and not conn.dialect.is_async:
        conn.engine._compiled_cache = _compiled  # noqa: SLF001 - it has no other name


def _is_like(one: PGDialect_psycopg, other: object) -> bool:
    """Compare what a compiled statement depends on: ours are all made alike, but servers differ."""
    return type(one) is type(other) and _version(one) == _version(other)


def _version(dialect: object) -> object:
    return getattr(dialect, "server_version_info", None)


PGDialect_psycopg.__eq__ = _is_like  # type: ignore[method-assign]
PGDialect_psycopg.__hash__ = lambda one: hash(type(one))  # type: ignore[method-assign]


@contextmanager
def disposed(url: str) -> Iterator[None]:
    """Dispose of the engines of this database at the end of the block; those of coroutines are for who made them."""
    yield
    name = url.rpartition("/")[2]
    for engine in [one for one in list(_used) if one.url.database == name]:  # another thread may add one meanwhile
        _used.discard(engine)
        if not engine.dialect.is_async:
            engine.dispose()

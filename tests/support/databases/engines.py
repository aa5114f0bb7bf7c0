"""The engines of this process end with the test that has the database; what their pools have then may be kept.

A connection that somebody still has then stays open, and is found. A statement is compiled once for all of them, as it
is in a process that has one engine: each test has engines of its own, and to compile was a tenth of all that tests did.
So is the first look of an engine at its server.
"""

from collections.abc import Callable, Iterator
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


_initialize = PGDialect_psycopg.initialize
_first_looks: dict[tuple[object, ...], dict[str, Any]] = {}


def _look_once(dialect: PGDialect_psycopg, connection: Connection) -> None:
    """Have what the first engine that looked at a server in this way has found."""
    info = connection.connection.driver_connection.info  # type: ignore[union-attr]
    asked = (type(dialect), dialect.use_native_hstore, info.server_version, *sorted(info.get_parameters().items()))
    if (found := _first_looks.get(asked)) is None:
        before = dict(vars(dialect))
        _initialize(dialect, connection)
        after = {name: value for name, value in vars(dialect).items() if before.get(name, before) is not value}
        _first_looks[asked] = after
    else:
        vars(dialect).update(found)


PGDialect_psycopg.initialize = _look_once  # type: ignore[method-assign]


@contextmanager
def disposed(url: str, *, dispose: Callable[[Engine], None] = Engine.dispose) -> Iterator[None]:
    """Dispose of the engines of this database at the end of the block; those of coroutines are for who made them."""
    yield
    name = url.rpartition("/")[2]
    for engine in [one for one in list(_used) if one.url.database == name]:  # another thread may add one meanwhile
        _used.discard(engine)
        if not engine.dialect.is_async:
            dispose(engine)

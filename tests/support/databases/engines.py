"""The engines of this process: what their pools keep for the next who asks ends with the database that they are for.

A connection that somebody still has then stays open, and is found.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event

_used: set[Engine] = set()  # also those that nobody has any more: their connections last until they are collected


@event.listens_for(Engine, "engine_connect")
def _note(conn: Connection) -> None:
    _used.add(conn.engine)


@contextmanager
def disposed(url: str) -> Iterator[None]:
    """Dispose of the engines of this database at the end of the block; those of coroutines are for who made them."""
    yield
    name = url.rpartition("/")[2]
    for engine in [one for one in list(_used) if one.url.database == name]:  # another thread may add one meanwhile
        _used.discard(engine)
        if not engine.dialect.is_async:
            engine.dispose()

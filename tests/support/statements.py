"""What a process asks of Postgres, and whom Postgres notifies."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Engine, event

PATIENCE = 60.0  # seconds


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that are sent within this block, each execution once."""
    sent: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def notified(listener: psycopg.Connection[Any], conn: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Return channel and payload of all notifications of `listener` until now, by a last one of `conn`."""
    listener.execute("LISTEN all_was_heard")
    conn.execute("NOTIFY all_was_heard")
    conn.commit()
    heard = []
    for one in listener.notifies(timeout=PATIENCE):
        if one.channel == "all_was_heard":
            return heard
        heard.append((one.channel, one.payload))
    raise TimeoutError("Postgres does not deliver notifications")

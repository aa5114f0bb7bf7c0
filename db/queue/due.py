"""One look at what the periodic tasks would find now."""

from typing import NamedTuple

from sqlalchemy import Connection

from db.connection import fetch
from db.sql import prepared


class DueWork(NamedTuple):
    """What there is to do; each says yes too often rather than too seldom."""

    held: bool
    """Something is held."""
    waiting: bool
    """Something waits for its message, its time or its turn."""
    lost: bool
    """A lease has run out."""
    wished: bool
    """A client's wish is not decided."""
    callbacks: bool
    """A callback has a time."""
    hints: bool
    """A hint's time has come."""
    most_held: int
    """What a reason held at the last count, of the reason that held most."""
    overridden: bool
    """An operator, or a refused key, overrides a breaker."""
    several_accounts: bool
    """Account 1 is not alone."""


def look(conn: Connection) -> DueWork:
    """Return what there is to do now: one read of a few blocks, however much is stored.

    Without a parameter, so that PostgreSQL plans it once a connection: that costs ten times what it reads.
    """
    [found] = fetch(conn, prepared("due"), {})
    return DueWork(*found)

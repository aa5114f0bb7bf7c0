"""Signs of life: a periodic task ticks, and whoever works beside it notices when it no longer does."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from db.schema import heartbeats as _beats

_columns = _beats.c


@dataclass(frozen=True)
class Heartbeat:
    """When something last ticked, and how often it should."""

    ticked_at: datetime
    every: float
    now: datetime

    @property
    def age(self) -> float:
        """Return the seconds since the last tick, by Postgres's clock."""
        return (self.now - self.ticked_at).total_seconds()


def tick(conn: Connection, name: str, *, every: float) -> datetime:
    """Note that `name`, which runs every so many seconds, lives; return now.

    The row stays locked until the transaction ends: of many that tick at once, one goes on at a time.
    """
    now = func.clock_timestamp()
    statement = insert(_beats).values(name=name, every_seconds=every, ticked_at=now)
    statement = statement.on_conflict_do_update(
        index_elements=["name"], set_={"every_seconds": every, "ticked_at": func.clock_timestamp()}
    )
    moment: datetime = conn.execute(statement.returning(_columns.ticked_at)).scalar_one()
    return moment


def last(conn: Connection, name: str, *, lock: bool = False) -> Heartbeat | None:
    """Return its last tick; None when it has never ticked, or when `lock` is asked for and someone else has it."""
    asked = select(_columns.ticked_at, _columns.every_seconds, func.clock_timestamp()).where(_columns.name == name)
    if lock:  # nobody waits here: who holds the row is just ticking, or telling what we would tell
        asked = asked.with_for_update(skip_locked=True)
    row = conn.execute(asked).first()
    return None if row is None else Heartbeat(*row)

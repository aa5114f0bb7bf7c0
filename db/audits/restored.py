"""After a restore from a backup: make outcomes unknown, and store the bookings at Cal.com whose rows are lost."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, exists, func, insert, literal_column, select, text

from booking_client.states import DEFAULT_ACCOUNT
from db.lifecycle import LIVE
from db.models.audits import restored_bookings as _restored
from db.models.bookings import appointments
from db.sql import statement

_COLUMNS = appointments.c
_BATCH = 500
_WHY = "the database was restored from a backup: what became of it since is not known"


@dataclass(frozen=True, slots=True)
class RestoredBooking:
    """Hold what Cal.com has of a request whose row is lost: enough to recognize a new request for it.

    `created_at` is not later than the booking was made there.
    """

    reference: UUID
    event_type_id: int | None
    event_type_slug: str | None
    start_at: datetime
    attendee: str = field(repr=False)
    created_at: datetime


def count_live(conn: Connection) -> int:
    """Count the bookings that have not ended."""
    live = select(func.count()).select_from(appointments).where(_COLUMNS.status.in_(LIVE))
    return int(conn.execute(live).scalar_one())


def make_unknown(
    conn: Connection, *, since: datetime, settle_seconds: float, ends_seconds: float, after: int
) -> tuple[int, int | None]:
    """Make the outcome of a batch of live bookings unknown; return how many, and the id that the next goes `after`.

    Another POST of them is safe `settle_seconds` from now, absence may end them `ends_seconds` from now.
    """
    times = {"since": since, "settle_seconds": settle_seconds, "ends_seconds": ends_seconds}
    row = conn.execute(statement("restored"), {**times, "after": after, "limit": _BATCH, "why": _WHY}).one()
    return row.made, row.last


def keep(
    conn: Connection,
    found: Sequence[RestoredBooking],
    *,
    since: datetime,
    absent_in: float,
    account: int = DEFAULT_ACCOUNT,
) -> int:
    """Store what Cal.com has of an account's lost rows, in place of those before; return how many requests got theirs.

    A request from now on gets its booking by a trigger, so that callers of every version do; the trigger is off while
    nothing is stored. Requests since the restore get theirs here. A booking that is not listed may still be at Cal.com
    for `absent_in` seconds.
    """
    others = exists().where(_restored.c.account_id != account)
    switch = "ENABLE" if found or conn.execute(select(others)).scalar_one() else "DISABLE"
    conn.execute(text(f"ALTER TABLE appointments {switch} TRIGGER appointments_take_restored"))
    conn.execute(delete(_restored).where(_restored.c.account_id == account))
    if not found:
        return 0
    absent_from = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, absent_in)
    conn.execute(insert(_restored).values(absent_from=absent_from, account_id=account), [asdict(one) for one in found])
    # Behind the lock: somebody may have asked for one since the rows were read.
    conn.execute(delete(_restored).where(_restored.c.reference.in_(select(_COLUMNS.uuid))))
    waiting = _COLUMNS.status.in_(LIVE), _COLUMNS.posts == 0, _COLUMNS.account_id == account
    asked_again = _COLUMNS.requested_at > since, *waiting
    rows = conn.execute(select(_COLUMNS.id).where(*asked_again).order_by(_COLUMNS.id)).scalars().all()
    return sum(conn.execute(select(func.take_restored_booking(row))).scalar_one() for row in rows)


def references(conn: Connection) -> set[str]:
    """Return the references of the stored bookings, whichever account sees them."""
    return {str(one) for one in conn.execute(select(_restored.c.reference)).scalars()}


def prune(conn: Connection) -> None:
    """Delete what has begun: it cannot be requested any more, and an address is personal."""
    conn.execute(delete(_restored).where(_restored.c.start_at < func.now() - literal_column("interval '1 day'")))

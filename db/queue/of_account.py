"""What an account has that is not over, or that is to come: asked before it is closed, and afterwards."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, literal_column, or_, select

from db.changes.change import BookingChange
from db.models.bookings import appointments
from db.models.changes import change_wishes
from db.queue.kinds import BOOKINGS, CHANGES, KINDS
from db.sql import statement

_columns = appointments.c
_present_start = func.coalesce(_columns.booked_start_at, _columns.start_at)  # to the letter as the index has it


class Unfinished(NamedTuple):
    """How many bookings and changes of an account are not over, and how many wishes of clients nobody has read."""

    bookings: int
    changes: int
    wishes: int


class HeldOfClosed(NamedTuple):
    """What is held of a closed account: how much, up to a cap, since when, and the bookings that it is about."""

    name: str
    waiting: int
    since: datetime
    bookings: list[int]


def held_of_closed(conn: Connection, *, cap: int) -> list[HeldOfClosed]:
    """Return the closed accounts of which bookings or changes are held; the first is the one that waits the longest."""
    found: dict[str, HeldOfClosed] = {}
    for kind in KINDS:
        for one in map(HeldOfClosed._make, conn.execute(kind.statement("held_of_closed"), {"cap": cap})):
            found[one.name] = _together([one, *([found[one.name]] if one.name in found else [])])
    return sorted(found.values(), key=lambda one: (one.since, one.name))


def _together(parts: Iterable[HeldOfClosed]) -> HeldOfClosed:
    names, counts, moments, bookings = zip(*parts, strict=True)
    return HeldOfClosed(names[0], sum(counts), min(moments), sorted({one for some in bookings for one in some}))


def unfinished(conn: Connection, account: int) -> Unfinished:
    """Count what an account, `default` excepted, has that is not over."""
    counts = {kind: conn.execute(kind.statement("unfinished"), {"account": account}).scalar_one() for kind in KINDS}
    wishes = (
        select(func.count())
        .select_from(change_wishes)
        .join(appointments, change_wishes.c.appointment_id == _columns.id)
    )
    unread: int = conn.execute(wishes.where(_columns.account_id == account)).scalar_one()
    return Unfinished(counts[BOOKINGS], counts[CHANGES], unread)


def to_come(conn: Connection, account: int) -> int:
    """Count the confirmed bookings of an account that are to come; a series counts: only Cal.com knows its weeks."""
    still = or_(_present_start > func.now(), _columns.series_uid.is_not(None))
    such = _columns.account_id == account, _columns.status == literal_column("'confirmed'")
    count: int = conn.execute(select(func.count()).where(*such, still)).scalar_one()
    return count


def lock_changes(conn: Connection, account: int) -> list[BookingChange]:
    """Lock the open changes of an account, and their bookings, but those that somebody has locked, or is sending."""
    rows = conn.execute(statement("change_of_account"), {"account": account}).mappings()
    return [BookingChange.of(row) for row in rows]

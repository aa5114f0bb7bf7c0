"""What the record has of a person: found by an address, a number or a booking, and replaced where it is over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Table, func, select

from db.models.bookings import appointment_events, appointments
from db.sql import statement
from db.whole_words import whole_word

FORGOTTEN = "forgotten@invalid"  # in place of an address: no host has that name (RFC 2606)
PART = 100_000  # bookings, or events, that one statement looks through


@dataclass(frozen=True, slots=True)
class PersonalBooking:
    """A booking that names a person; `is_own`: the person is the attendee, not a guest."""

    id: int
    is_forgotten: bool
    is_own: bool
    uid: str | None  # under which Cal.com has it, or had it
    start: datetime
    is_over: bool
    correlation_id: str
    name: str = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)


class PersonalUid(NamedTuple):
    """A uid under which Cal.com has or had a booking; `start` None: not known. The lowest `place` is the row's own."""

    booking: int
    uid: str
    start: datetime | None
    place: int


def find(
    conn: Connection,
    *,
    email: str | None = None,
    phone: str | None = None,
    booking: int | None = None,
    words: Sequence[str] = (),
) -> list[PersonalBooking]:
    """Return and lock the bookings of a person, by one of the three, and all that have one of the `words`."""
    patterns = [whole_word(word) for word in {email, phone, *words} if word]
    asked = {"email": email, "phone": phone, "booking": booking, "words": patterns, "forgotten": FORGOTTEN}
    parts = _parts(conn, appointments) if patterns else [] if booking is None else [(booking - 1, booking)]
    return [
        PersonalBooking(*row)
        for after, last in parts
        for row in conn.execute(statement("personal_bookings"), {**asked, "after": after, "last": last})
    ]


def uids(conn: Connection, ids: Collection[int]) -> list[PersonalUid]:
    """Return each uid under which Cal.com has or had some bookings, by booking; the present one of each comes first."""
    found = conn.execute(statement("personal_uids"), {"ids": list(ids)})
    return sorted((PersonalUid(*row) for row in found), key=lambda one: (one.booking, one.place, one.uid))


def forget(conn: Connection, ids: Collection[int], gone: Collection[str] = ()) -> None:
    """Replace all that is of a person in bookings that are over, and in what was written about them.

    `gone` are the uids that no event shall name.
    """
    conn.execute(statement("forget_bookings"), {"ids": list(ids), "uids": list(gone), "forgotten": FORGOTTEN})


def forget_words(
    conn: Connection,
    words: Sequence[str],
    names: Sequence[str],
    *,
    own: Sequence[PersonalBooking],
    guest_of: Collection[int],
    kept: Collection[int],
) -> None:
    """Take addresses and numbers (`words`) out of everything, and `names` out of orders and the bookings `own`.

    `guest_of` are others' bookings, over, that named the person; `kept` are those that live.
    """
    of_words, ids = [*map(whole_word, words)], [booking.id for booking in own]
    patterns = {"words": of_words, "names": [*of_words, *map(whole_word, names)], "kept": list(kept)}
    conn.execute(statement("forget_callbacks"), {"words": of_words, "ids": ids, "kept": list(kept)})
    conn.execute(statement("forget_words"), {**patterns, "guest_of": list(guest_of)})
    correlations = [booking.correlation_id for booking in own]
    elsewhere = {"names": patterns["names"], "correlations": correlations, "ids": ids}
    conn.execute(statement("forget_elsewhere"), elsewhere)
    for after, last in _parts(conn, appointment_events):
        conn.execute(statement("forget_events"), {**patterns, "ids": ids, "after": after, "last": last})
    conn.execute(statement("forget_receivers"))
    conn.execute(statement("forget_hosts"))


def _parts(conn: Connection, table: Table) -> list[tuple[int, int]]:
    """Return the ids of a table in parts: after one, up to the other. A statement for all would take too long."""
    last = conn.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
    return [(after, after + PART) for after in range(0, last, PART)]

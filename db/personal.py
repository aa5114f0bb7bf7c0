"""What the record has of a person: found by an address, a number or a booking, and replaced where it is over."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from db.models.bookings import appointment_events
from db.sql import statement

FORGOTTEN = "forgotten@invalid"  # in place of an address: no host has that name (RFC 2606)
PART = 100_000  # events that are looked through at once


@dataclass(frozen=True, slots=True)
class PersonalBooking:
    """A booking that names a person; `is_own`: the person is the attendee, not a guest."""

    id: int
    is_forgotten: bool
    is_own: bool
    uid: str | None  # under which Cal.com has it, or had it
    start: datetime
    is_over: bool
    name: str = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)


def find(
    conn: Connection, *, email: str | None = None, phone: str | None = None, booking: int | None = None
) -> list[PersonalBooking]:
    """Return and lock the bookings of a person, by one of the three."""
    asked = {"email": email, "phone": phone, "booking": booking, "forgotten": FORGOTTEN}
    return [PersonalBooking(*row) for row in conn.execute(statement("personal_bookings"), asked)]


def forget(conn: Connection, ids: Collection[int]) -> None:
    """Replace all that is of a person in bookings that are over, and in what was written about them."""
    conn.execute(statement("forget_bookings"), {"ids": list(ids), "forgotten": FORGOTTEN})


def forget_words(
    conn: Connection,
    words: Sequence[str],
    names: Sequence[str],
    *,
    ids: Collection[int],
    guest_of: Collection[int],
    kept: Collection[int],
) -> None:
    """Take addresses and numbers (`words`) out of everything, and `names` out of orders and the bookings `ids`.

    `guest_of` are others' bookings, over, that had the person as a guest; `kept` are those that live.
    """
    every = [*map(_pattern, (*words, *names))]
    patterns = {"words": [*map(_pattern, words)], "names": every, "kept": list(kept)}
    conn.execute(statement("forget_words"), {**patterns, "guest_of": list(guest_of)})
    last = conn.execute(select(func.coalesce(func.max(appointment_events.c.id), 0))).scalar_one()
    for after in range(0, last, PART):
        asked = {**patterns, "ids": list(ids), "after": after, "last": after + PART}
        conn.execute(statement("forget_events"), asked)


def _pattern(word: str) -> str:
    """Return a regular expression of Postgres for a whole word: spat@example.com is another person's.

    It may follow an escape of JSON, as that of a line's end. Lookarounds would take five times as long.
    """
    before, after = (r"[^a-z0-9_+.-]", r"[.-]*([^a-z0-9.-]|$)") if "@" in word else (r"\W", r"(\W|$)")
    if word.removeprefix("+").isdigit():
        before, after = "[^0-9]", "([^0-9]|$)"
    return rf"(^|{before}|\\[bfnrt]){re.escape(word.lower())}{after}"

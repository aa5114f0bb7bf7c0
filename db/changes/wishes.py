"""Wishes that clients have stored in their own transactions: taken up one by one, each with its booking's lock."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete

from db.models.changes import change_wishes
from db.sql import statement


@dataclass(frozen=True, slots=True)
class StoredWish:
    """A row of `change_wishes`; `start` None: a cancel."""

    id: int
    appointment_id: int
    start: datetime | None
    reason: str | None = field(repr=False)  # a customer's words
    key: str | None = field(repr=False)
    asked_at: datetime


def take_next(conn: Connection, after: int) -> StoredWish | None:
    """Return and lock the next wish after a number, the first one of its booking; None: there is none."""
    row = conn.execute(statement("change_wish"), {"after": after}).first()
    return None if row is None else StoredWish(*row)


def delete_wish(conn: Connection, wish: StoredWish) -> None:
    """Delete a wish that is decided."""
    conn.execute(delete(change_wishes).where(change_wishes.c.id == wish.id))

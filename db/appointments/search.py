"""Find bookings by what a person knows of one: its id, uuid, key, correlation id, or Cal.com's uid of it."""

import unicodedata

from sqlalchemy import Connection

from db.appointments.identifiers import ID, as_uuid
from db.appointments.listing import Listed
from db.sql import statement


def find(conn: Connection, text: str, *, limit: int = 20, account: int | None = None) -> list[Listed]:
    """Return the bookings that a text names in any way, the newest first; each way has its index.

    Of one account, or of all (None).
    """
    wanted = text.strip()
    asked = {
        "text": unicodedata.normalize("NFC", wanted),  # as requests write it, however this keyboard does
        "id": int(wanted) if ID.fullmatch(wanted) else None,
        "uuid": as_uuid(wanted),
        "limit": limit,
        "account": account,
    }
    return [Listed.of(row) for row in conn.execute(statement("search"), asked)] if wanted and "\0" not in wanted else []

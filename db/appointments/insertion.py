"""Keep requests on a connection of ours, by the one INSERT that callers send, too (booking_client/insertion.py)."""

from collections.abc import Sequence

from sqlalchemy import Connection

from booking_client.database.statements import Query, Rows, load, run
from booking_client.insertion import Inserted, NewAppointment, NotFirst, keep
from booking_client.keep_rule import KeepRule, LineRule
from db.connection import fetch, fetch_in_time


def insert(
    conn: Connection,
    rows: Sequence[NewAppointment],
    *,
    behind_others: bool = False,
    line: LineRule | None = None,
) -> list[Inserted | NotFirst]:
    """Keep requests, those of known keys excepted, and return one answer for each, in the same order.

    The caller sends their messages right after the commit. `behind_others`: they are held at once while others wait for
    the breaker or the limit.
    """

    def ask(query: Query) -> Rows:
        return (fetch_in_time if query.bounded else fetch)(conn, query.sql, query.parameters)

    return run(keep(rows, KeepRule(behind_others=behind_others, line=line or LineRule())), ask)


def take_back_cancel(conn: Connection, appointment_id: int) -> bool:
    """Take back the cancel of a booking whose caller wants it after all; return whether it has none any more."""
    ask = load("take_back_cancel", None, "id, cancel_requested")
    return fetch_in_time(conn, ask, {"ids": [appointment_id]}) == [[appointment_id, False]]

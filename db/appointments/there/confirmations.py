"""Bookings that Cal.com has made are confirmed together: one round trip, and one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection

from db.appointments.moves import move_statement
from db.connection import fetch, told_before
from db.lifecycle import Status

_UNLOCKED = "id IN (SELECT id FROM appointments WHERE id = %(appointment_id)s FOR NO KEY UPDATE SKIP LOCKED) AND"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The move of a claimed booking that Cal.com has made, and the columns to write with it; as `move`'s arguments."""

    appointment_id: int
    token: UUID | None
    why: str
    detail: Mapping[str, Any]
    changes: Mapping[str, Any]


def confirm_together(conn: Connection, confirmations: Sequence[Confirmation]) -> list[bool]:
    """Confirm claimed bookings in one transaction, on a connection in autocommit; return which of them have moved.

    They are locked in the order of their ids. One that somebody has locked is passed over: it has not moved, and other
    bookings' ends do not wait for it.

    Raises:
        SQLAlchemyError: Perhaps none has moved: the caller moves each of them by itself.
    """
    order = sorted(range(len(confirmations)), key=lambda place: confirmations[place].appointment_id)
    rows = _fetch_together(conn, [_confirming(confirmations[place]) for place in order])
    moved = dict(zip(order, rows, strict=True))
    return [bool(moved[place]) for place in range(len(confirmations))]


def _confirming(one: Confirmation) -> tuple[str, dict[str, Any]]:
    # Not `telling`: it was not in the line, and to look who waits there would cost each plain booking a quarter more.
    sql, values = move_statement(
        one.appointment_id, frozenset({Status.BOOKING}), Status.CONFIRMED, token=one.token, why=one.why, by="worker",
        detail=one.detail, changes=one.changes,
    )  # fmt: skip
    return sql.replace("/* unlocked */", _UNLOCKED), values


def _fetch_together(conn: Connection, asked: Sequence[tuple[str, Mapping[str, Any]]]) -> list[list[tuple[Any, ...]]]:
    """Send statements as `fetch` would, in one round trip and, on a connection in autocommit, as one transaction.

    Raises:
        SQLAlchemyError: As `fetch`; of all these statements none was done, unless nobody knows.
    """
    if len(asked) == 1:  # which needs no pipeline
        return [fetch(conn, *asked[0])]
    driver: Any = conn.connection.driver_connection
    cursors, said = [driver.cursor() for _ in asked], None
    try:
        with driver.pipeline():
            try:
                for cursor, (sql, parameters) in zip(cursors, asked, strict=True):
                    said = told_before(conn, cursor, sql, parameters)
                    cursor.execute(*said, prepare=True)
            except BaseException:
                conn.invalidate()  # the pipeline's end would commit what was sent before
                raise
        for cursor, (sql, parameters) in zip(cursors, asked, strict=True):
            for tell in conn.dispatch.after_cursor_execute:
                tell(conn, cursor, sql, parameters, None, False)
    except BaseException as exc:  # noqa: BLE001 - as in `fetch`
        text = said[0] if said is not None and isinstance(exc, psycopg.Error) else None
        conn._handle_dbapi_exception(exc, text, None, cursors[-1], None)  # noqa: SLF001 - as in `fetch`
    return [list(cursor.fetchall()) for cursor in cursors]

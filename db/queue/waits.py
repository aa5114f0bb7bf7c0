"""Who waits, and for what: asked of every kind of rows, so that none is forgotten."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, column, exists, func, literal, or_, select, table, union_all

from booking_client.states import DEFAULT_ACCOUNT
from db.appointments.queue import PACED
from db.lifecycle import HoldReason, Status
from db.queue.kinds import KINDS, RowKind


class Waiting(NamedTuple):
    """Whether somebody waits for a harmless call: held for today's key, held for today's settings."""

    credentials: bool
    configuration: bool


class First(NamedTuple):
    """The row that goes first when Cal.com answers again."""

    kind: RowKind[Any]
    id: int


def waiting_for_a_call(
    conn: Connection, *, key: str, settings: str, fresh_seconds: float, account: int = DEFAULT_ACCOUNT
) -> Waiting:
    """Return whether somebody of an account waits for the harmless call that ends a hold.

    Of configuration those count that may be tried again, and those held within `fresh_seconds`: whether all must be
    held is asked at once.
    """
    asked = {"account": account, "key": key, "settings": settings, "fresh_seconds": fresh_seconds}
    found = [conn.execute(kind.statement("waiting_for_a_call"), asked).one() for kind in KINDS]
    return Waiting(any(one.credentials for one in found), any(one.configuration for one in found))


def first_to_try(conn: Connection, *, settings: str, account: int = DEFAULT_ACCOUNT) -> First | None:
    """Return what of an account, held for configuration, goes first when Cal.com answers: a booking before a change.

    None: nothing may.
    """
    for kind in KINDS:
        found = conn.execute(kind.statement("first_to_try"), {"account": account, "settings": settings}).scalar()
        if found is not None:
            return First(kind, found)
    return None


def backlog_reason(conn: Connection, account: int | None = None) -> HoldReason | None:
    """Return what those in the line of an account (None: of any) wait for; None: none waits.

    The breaker comes before the limit.
    """
    waits = [or_(*(exists(_held(kind, reason, account)) for kind in KINDS)) for reason in PACED]
    found = conn.execute(select(*waits)).one()
    return next((reason for reason, waiting in zip(PACED, found, strict=True) if waiting), None)


def waiting_for_a_worker(conn: Connection, most: int) -> int:
    """Return how many rows no worker has claimed, up to `most`: new ones, released ones, with and without a message."""
    pending = union_all(*(_pending(kind, most) for kind in KINDS)).limit(most).subquery()
    return int(conn.execute(select(func.count()).select_from(pending)).scalar_one())


def _pending(kind: RowKind[Any], most: int) -> Select[Any]:
    rows = table(kind.table, column("status"), column("enqueued_at"))
    pending = select(literal(1)).select_from(rows).where(rows.c.status == Status.PENDING)
    return pending.order_by(rows.c.enqueued_at).limit(most)  # in the order of the index of what is to be sent


def _held(kind: RowKind[Any], reason: HoldReason, account: int | None) -> Select[Any]:
    rows = table(kind.table, column("status"), column("hold_reason"), column("account_id"))
    held = select(literal(1)).where(rows.c.status == Status.HELD, rows.c.hold_reason == reason)
    return held if account is None else held.where(rows.c.account_id == account)

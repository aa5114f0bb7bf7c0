"""What operators did or looked at: who, by which way, why, and the outcome. An action is written before it is done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self
from uuid import UUID, uuid4

from sqlalchemy import Connection, RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments, held_by
from db.models.counts import operator_actions as _actions
from db.sql import statement

_columns = _actions.c
_booking = appointments.c


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """What an operator asks for; `request_id` makes a double click one action.

    `epoch_seen` is the breaker's, or the version of the one booking, as the operator saw it, None: not looked at. `ids`
    are the bookings that it is about.
    """

    who: str
    via: str
    action: str
    why: str
    target: Mapping[str, Any] = field(default_factory=dict)
    epoch_seen: int | None = None
    ids: tuple[int, ...] | None = None
    request_id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction(ActionRequest):
    """An action as it is recorded; `done_at` None: it goes on, or was broken off.

    `done` and `moved_on` count its bookings, `outcomes` what became of it by words of `tasks.operations`.
    """

    id: int
    asked_at: datetime
    done_at: datetime | None
    refused: str | None
    done: int
    moved_on: int
    outcomes: Mapping[str, int]

    @property
    def counted(self) -> int:
        """Return how many of its bookings are dealt with."""
        return self.done + self.moved_on

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Read a row; columns that a newer migration added are passed over."""
        values = {column.name: row[column.name] for column in fields(cls)}
        return cls(**values | {"ids": None if row["ids"] is None else tuple(row["ids"]), "why": row["why"] or ""})


@dataclass(frozen=True, slots=True)
class Chosen:
    """What decides what a command would do to a booking."""

    id: int
    status: Status
    hold_reason: HoldReason | None
    outcome_unknown: bool
    start_at: datetime


def add(conn: Connection, asked: ActionRequest) -> bool:
    """Record what is asked for, before it is done; False when there is one with this request id."""
    values = {column.name: getattr(asked, column.name) for column in fields(ActionRequest)}
    values |= {"target": dict(asked.target), "ids": None if asked.ids is None else list(asked.ids)}
    written = insert(_actions).values(values).on_conflict_do_nothing(index_elements=["request_id"])
    return bool(conn.execute(written).rowcount)


def record(conn: Connection, done: ActionRequest, outcome: str, *, bookings: int = 1) -> None:
    """Record what is done or shown, of one booking unless `bookings` says so, in the transaction that does it."""
    add(conn, done)
    written = update(_actions).where(_columns.request_id == done.request_id)
    conn.execute(written.values(done_at=func.clock_timestamp(), outcomes={outcome: 1}, done=bookings))


def get(conn: Connection, request_id: UUID, *, lock: bool = False) -> OperatorAction | None:
    """Read an action; `lock`: wait for a process that is carrying it out under this lock."""
    query = select(_actions).where(_columns.request_id == request_id)
    row = conn.execute(query.with_for_update() if lock else query).mappings().first()
    return None if row is None else OperatorAction.of(row)


def latest(
    conn: Connection, limit: int, *, who: str | None = None, action: str | None = None, before: int | None = None
) -> list[OperatorAction]:
    """Read the latest actions, the newest first: all, those of one person, of one kind; `before` an id.

    Person and kind are asked for as ranges and ordered by: else PostgreSQL may walk all ids until it has found enough.
    """
    lead = {_columns.who: who, _columns.action: action}
    asked = {column: value for column, value in lead.items() if value is not None}
    query = select(_actions).where(
        *(test for column, value in asked.items() for test in (column >= value, column <= value))
    )
    query = query if before is None else query.where(_columns.id < before)
    rows = conn.execute(query.order_by(*(column.desc() for column in (*asked, _columns.id))).limit(limit)).mappings()
    return [OperatorAction.of(row) for row in rows]


def people(conn: Connection, limit: int) -> dict[str, int]:
    """Return the names that have an action, each with the id of the newest one."""
    return {row.who: row.id for row in conn.execute(statement("action_people"), {"limit": limit})}


def person_of(conn: Connection, action_id: int) -> str | None:
    """Return whose action this is; None: there is no such action."""
    return conn.execute(select(_columns.who).where(_columns.id == action_id)).scalar_one_or_none()


def count(
    conn: Connection, action_id: int, position: int, outcome: str, *, was_done: bool, refused: str | None = None
) -> bool:
    """Count what became of the booking at a position of an action; the last one ends it. False: it is not its turn.

    `refused` says why an action on one booking did nothing.
    """
    asked = {"id": action_id, "position": position, "outcome": outcome, "was_done": was_done, "refused": refused}
    return conn.execute(statement("count_action"), asked).first() is not None


def add_done(conn: Connection, action_id: int, number: int) -> None:
    """Add to the number done of an action whose bookings are named by their hold reason."""
    conn.execute(update(_actions).where(_columns.id == action_id).values(done=_columns.done + number))


def finish(
    conn: Connection,
    action_id: int,
    outcomes: Mapping[str, int],
    *,
    refused: str | None = None,
    ended: bool = True,
    **counted: int,
) -> None:
    """Record what became of an action; `refused` says why it was not done, not `ended` that it may be asked again.

    `counted` may be `done` and `moved_on`, of an action that counts its bookings all at once.
    """
    values: dict[str, Any] = {"outcomes": dict(outcomes), "refused": refused, **counted}
    values |= {"done_at": func.clock_timestamp()} if ended else {}
    conn.execute(update(_actions).where(_columns.id == action_id, _columns.done_at.is_(None)).values(values))


def chosen(conn: Connection, ids: Collection[int]) -> list[Chosen]:
    """Read those of these bookings that are there, in the order of their requests."""
    wanted = _booking.id, _booking.status, held_by, _booking.outcome_unknown, _booking.start_at
    rows = conn.execute(select(*wanted).where(_booking.id.in_(ids)).order_by(_booking.requested_at, _booking.id))
    return [Chosen(*row) for row in rows]

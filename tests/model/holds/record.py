"""The rows of the model in a real database: written as they stand in a state, and read back as they then stand.

Of a moment only this is kept: it is past, now, or to come.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, func, insert, select

from db.engine import make_engine
from db.lifecycle import FINAL, OVER, ChangeStatus, Status
from db.models.bookings import appointments
from db.models.changes import ChangeKind, booking_changes

Record = tuple[tuple[str, Any], ...]
"""The columns that decide anything and are not as in a new row; moments as -1 (past), 0 (now) and 1 (to come)."""
HOUR = timedelta(hours=1)
STARTS_IN, WANTED_IN = timedelta(days=30), timedelta(days=31)
_BOTH = (
    "status", "hold_reason", "held_for", "error_type", "outcome_unknown", "looks", "posts", "retry_count",
    "probe_failures", "refusal",
)  # fmt: skip
_BOOKING = (*_BOTH, "evidence_posts", "cancel_requested", "move_requested", "calcom_booking_uid")
_CHANGE = (*_BOTH, "kind", "may_have_moved", "from_uid", "idempotency_key")
_MOMENTS = frozenset({"held_at", "hold_until", "settle_at", "ends_at", "next_attempt_at", "sent_at", "askable_since"})
_MOST = MappingProxyType({"posts": 1, "retry_count": 1, "looks": 1})  # more is as this
_NEW_BOOKING = MappingProxyType(
    {
        **dict.fromkeys(("idempotency_key", "payload_hash", "correlation_id", "task_id"), "x"),
        "key_derived": False,
        "event_type_id": 101,
        "attendee_name": "Ann Example",
        "attendee_email": "ann@example.com",
        "attendee_time_zone": "Europe/Berlin",
    }
)
_NEW_CHANGE = MappingProxyType(
    dict.fromkeys(("reason", "asked_by", "via", "correlation_id", "task_id", "service"), "x")
)


class Rows(NamedTuple):
    """A booking, and the change of it that was asked for; None: none was."""

    booking: Record
    change: Record | None = None

    @property
    def status(self) -> Status:
        """Return the booking's."""
        return Status(dict(self.booking)["status"])

    @property
    def change_status(self) -> ChangeStatus | None:
        """Return the change's."""
        return None if self.change is None else ChangeStatus(dict(self.change)["status"])

    @property
    def is_open(self) -> bool:
        """Say whether the booking, or its change, is not over."""
        return self.status not in FINAL or self.has_open_change

    @property
    def has_open_change(self) -> bool:
        """Say whether there is a change that is not over."""
        return self.change_status is not None and self.change_status not in OVER

    @property
    def is_held(self) -> bool:
        """Say whether one of the two is held."""
        return self.status is Status.HELD or self.change_status is ChangeStatus.HELD

    @property
    def is_pending(self) -> bool:
        """Say whether a worker may claim one of the two, or may once a time has come."""
        return bool({"pending", "retrying"} & {self.status, self.change_status})

    def later(self) -> "Rows":
        """Let an hour pass."""
        return Rows(_later(self.booking), None if self.change is None else _later(self.change))


class Kept(NamedTuple):
    """The numbers of rows that were written; 0: there is no change."""

    booking: int
    change: int


@contextmanager
def opened(database_url: str) -> Iterator[Connection]:
    """Open a transaction in which rows may be written; it is undone at the end."""
    engine = make_engine(database_url)
    with engine.connect() as conn, conn.begin() as whole:
        yield conn
        whole.rollback()
    engine.dispose()


def record(**columns: Any) -> Record:
    """Return the columns of a row, sorted."""
    return tuple(sorted(columns.items()))


def keep(conn: Connection, rows: Rows, account: int) -> Kept:
    """Write these rows as they stand now."""
    now = conn.execute(select(func.now())).scalar_one()
    new = _NEW_BOOKING | {"start_at": now + STARTS_IN, "account_id": account}
    booking = _keep(conn, appointments, new | _written(rows.booking, now))
    if rows.change is None:
        return Kept(booking, 0)
    change = _written(rows.change, now)
    start = now.replace(microsecond=0) + (WANTED_IN if change["kind"] == ChangeKind.RESCHEDULE else STARTS_IN)
    new = _NEW_CHANGE | {"appointment_id": booking, "account_id": account, "start_at": start, "line_at": now}
    return Kept(booking, _keep(conn, booking_changes, new | change))


def read(conn: Connection, kept: Kept) -> Rows:
    """Read them back; of what is over its status is enough. A change that was stored since is read, too."""
    [(now, booking)] = [(row["now"], row) for row in _rows(conn, appointments, appointments.c.id == kept.booking)]
    changes = _rows(conn, booking_changes, booking_changes.c.appointment_id == kept.booking)
    return Rows(
        _read(booking, _BOOKING, now, over=booking["status"] in FINAL - {Status.CONFIRMED}),
        next((_read(one, _CHANGE, now, over=one["status"] in OVER) for one in changes), None),
    )


def _rows(conn: Connection, table: Table, where: Any) -> list[Mapping[str, Any]]:
    return list(conn.execute(select(table, func.now().label("now")).where(where)).mappings())


def _keep(conn: Connection, table: Table, values: Mapping[str, Any]) -> int:
    number: int = conn.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()
    return number


def _written(row: Record, now: datetime) -> dict[str, Any]:
    columns = {name: now + value * HOUR if name in _MOMENTS else value for name, value in row}
    if str(columns.get("refusal", "")).startswith("{"):
        columns["refusal"] = json.loads(columns["refusal"])
    return columns


def _read(row: Mapping[str, Any], names: tuple[str, ...], now: datetime, *, over: bool) -> Record:
    if over:
        kept = ("status", "kind", "idempotency_key")
        return record(**{name: row[name] for name in kept if row.get(name) is not None and name in names})
    moments = {name: (row[name] > now) - (row[name] < now) for name in _MOMENTS if row.get(name) is not None}
    columns = {name: min(row[name], _MOST.get(name, row[name])) for name in names if row[name]}
    if isinstance(columns.get("refusal"), dict):
        columns["refusal"] = json.dumps(columns["refusal"], sort_keys=True)
    return record(**columns, **moments)


def _later(row: Record) -> Record:
    return tuple((name, -1 if name in _MOMENTS else value) for name, value in row)

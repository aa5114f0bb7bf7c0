"""Store requests: a batch in one statement, each key once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any, Self
from uuid import UUID, uuid4

from sqlalchemy import Connection

from db.appointments.appointment import RequestFields
from db.connection import fetch, fetch_in_time
from db.lifecycle import LIVE, HoldReason, Status, Strategy
from db.sql import prepared

ROUNDS = 5  # a derived key may be given up between our INSERT and our SELECT; five times in a row is another fault

_Key = tuple[bool, str]


@dataclass(frozen=True, kw_only=True)
class NewAppointment(RequestFields):
    """A request to be kept: pending, or held at once when `hold_reason` is given."""

    task_id: str = field(default_factory=lambda: str(uuid4()))
    uuid: UUID = field(default_factory=uuid4)
    hold_reason: HoldReason | None = None
    hold_until: datetime | None = None
    held_for: str | None = None
    number: int | None = None  # in its bulk, from 0; None: its place among the rows that are inserted with it
    requested_at: datetime | None = None  # None: now, in the order of the numbers
    resilience_strategy: Strategy | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The fields of a row that a receipt and a message need."""

    id: int
    task_id: str
    correlation_id: str
    status: Status
    hold_reason: HoldReason | None
    updated_at: datetime
    retry_count: int
    idempotency_key: str = field(repr=False)  # a caller may have put anything into it
    key_derived: bool
    payload_hash: str
    cancel_requested: bool
    start_at: datetime
    booked_start_at: datetime | None
    awaits_host: bool | None

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """Read a row whose columns are its fields, in their order."""
        number, task, correlation, status, reason, *rest = row
        return cls(number, task, correlation, Status(status), None if reason is None else HoldReason(reason), *rest)

    @property
    def may_be_cancelled(self) -> bool:
        """Return whether its cancellation was asked for and has not happened yet."""
        return self.cancel_requested and self.status in LIVE | {Status.CONFIRMED}


@dataclass(frozen=True, slots=True)
class Inserted:
    """The result of one request.

    `created`: this call wrote the row. `conflict`: the given key stands for another request, and `appointment` is that.
    """

    appointment: Kept
    created: bool
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class LineRule:
    """The parameters of places in the line, in seconds (the rule is in insert_appointments.sql).

    `lead` is how long before its start a booking expires; `call` how long one call takes of the rate limit.
    """

    lead: float = 0.0
    call: float = 0.5


_COLUMNS = tuple(column.name for column in fields(Kept))


def insert(
    conn: Connection,
    rows: Sequence[NewAppointment],
    *,
    behind_others: bool = False,
    line: LineRule = LineRule(),
) -> list[Inserted]:
    """Keep requests, those of known keys excepted, and return one answer for each, in the same order.

    A given key is known for ever, a derived one while its booking lives or is confirmed. Of equal keys in one batch the
    first is kept. Blocks while another transaction is inserting one of the keys. `behind_others`: they are held at once
    while others wait for the breaker or the limit. A known booking that is to be cancelled is wanted again: that is
    taken back.
    """
    wanted: dict[_Key, NewAppointment] = {}
    for row in rows:
        wanted.setdefault(_key(row), row)
    asked = {(_key(row), row.payload_hash) for row in rows}
    rule = {"behind_others": behind_others, "lead_seconds": line.lead, "call_seconds": line.call}
    written, known = _keep(conn, wanted, asked, rule)
    unsaid = set(written)  # of equal keys, only the first answer says "created"
    answers = []
    for row in rows:
        key = _key(row)
        kept = written.get(key) or known[key]
        # A derived key is a hash of what makes a booking the same one: what else differs is no conflict.
        conflict = not row.key_derived and kept.payload_hash != row.payload_hash
        answers.append(Inserted(kept, created=key in unsaid, conflict=conflict))
        unsaid.discard(key)
    return answers


def _keep(
    conn: Connection, wanted: dict[_Key, NewAppointment], asked: set[tuple[_Key, str]], rule: Mapping[str, Any]
) -> tuple[dict[_Key, Kept], dict[_Key, Kept]]:
    written: dict[_Key, Kept] = {}
    known: dict[_Key, Kept] = {}
    for _ in range(ROUNDS):
        missing = [row for key, row in wanted.items() if key not in written and key not in known]
        if not missing:
            return written, known
        written |= _write(conn, missing, rule)
        found = _read(conn, [row for row in missing if _key(row) not in written])
        cancelling = [one.id for key, one in found.items() if one.may_be_cancelled and _is_same(one, asked)]
        known |= {key: one for key, one in found.items() if one.id not in cancelling} | _take_back(conn, cancelling)
    raise RuntimeError(f"a key was taken and given up again {ROUNDS} times while we tried to keep its request")


def _write(conn: Connection, rows: list[NewAppointment], rule: Mapping[str, Any]) -> dict[_Key, Kept]:
    given = [{name: value for name, value in vars(row).items() if value is not None} for row in rows]
    requests = _encode([{"number": n, **row} for n, row in enumerate(given)])
    written = fetch_in_time(conn, _sql("insert_appointments"), {"requests": requests, **rule})
    return {_key(row): row for row in map(Kept.read, written)}


def _read(conn: Connection, rows: list[NewAppointment]) -> dict[_Key, Kept]:
    if not rows:
        return {}
    keys: dict[str, list[str]] = {"given": [], "derived": []}
    for row in rows:
        keys["derived" if row.key_derived else "given"].append(row.idempotency_key)
    return {_key(row): row for row in map(Kept.read, fetch(conn, _sql("known_keys"), keys))}


def _take_back(conn: Connection, ids: list[int]) -> dict[_Key, Kept]:
    """Return those whose cancel was taken back; what a worker has cancelled meanwhile is missing, and read again."""
    rows = fetch_in_time(conn, _sql("take_back_cancel"), {"ids": ids}) if ids else []
    return {_key(row): row for row in map(Kept.read, rows)}


@cache
def _sql(name: str) -> str:
    return prepared(name).replace("/* columns */", ", ".join(_COLUMNS))


def _is_same(kept: Kept, asked: set[tuple[_Key, str]]) -> bool:
    """Return whether this very request was made again; equal derived keys mean equal requests."""
    return kept.key_derived or (_key(kept), kept.payload_hash) in asked


def _key(row: NewAppointment | Kept) -> _Key:
    return row.key_derived, row.idempotency_key


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("a time without its offset cannot be kept")
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")


_encode = json.JSONEncoder(default=_plain).encode  # made once: `json.dumps` would make one at each call

"""Lists of bookings without anything personal: filtered, in pages, as a stream; no page reads more than a bounded part.

A page walks an index in its order and keeps what the filter wants. What the index does not know is looked at row by
row, at most SCAN of them a page: then the page is short, and the next goes on behind it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import eq, ge, le, lt
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Select, func, literal, literal_column, select, tuple_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from db.lifecycle import HoldReason, Status
from db.models.indexes import EVENT_TYPE
from db.schema import appointments

SCAN = 5_000
"""Rows that one page, or one count, looks at."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
BATCH = 1000  # rows that a stream fetches at once
_columns = appointments.c
_Columns = ReadOnlyColumnCollection[str, Any]


class Sort(StrEnum):
    """In which order: the newest id first, or the earliest request, or the earliest start."""

    ID = "id"
    ASKED = "asked"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which bookings, in which order; None: all. Periods begin at `from` and end before `to`.

    `at_risk`: held, and starts before this moment. `ids`: these very ones. Where no index has the order (by start: all
    but held and confirmed; by request: one state that is not held), it is that of ids; of one hold reason and of a
    period of requests it is that of requests.
    """

    state: Status | None = None
    reason: HoldReason | None = None
    event_type: str | None = None
    error_type: str | None = None
    requested_from: datetime | None = None
    requested_to: datetime | None = None
    start_from: datetime | None = None
    start_to: datetime | None = None
    at_risk: datetime | None = None
    ids: Sequence[int] | None = None
    sort: Sort = Sort.ID


@dataclass(frozen=True, slots=True)
class Listed:
    """A booking as lists show it."""

    id: int
    status: Status
    hold_reason: HoldReason | None
    event_type: str
    start_at: datetime
    requested_at: datetime
    held_at: datetime | None
    hold_until: datetime | None
    next_attempt_at: datetime | None
    error_type: str | None
    retry_count: int
    outcome_unknown: bool
    updated_at: datetime

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Read a row whose columns are the fields, in their order."""
        number, status, reason, *rest = row
        return cls(number, Status(status), None if reason is None else HoldReason(reason), *rest)


@dataclass(frozen=True, slots=True)
class ListPage:
    """Rows, and where the next page begins (`after`); None: there is none."""

    rows: list[Listed]
    next: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many; `capped`: there are more, or there may be."""

    count: int
    capped: bool


@dataclass(frozen=True, slots=True)
class _Walk:
    """How a list is read: in the order of `key`, along the conditions that an index knows; `rest`: there are others."""

    key: tuple[ColumnElement[Any], ...]
    along: tuple[ColumnElement[bool], ...]
    rest: tuple[str, ...]

    def select(self, *what: Any, after: str | None = None) -> Select[Any]:
        """Return what stands along the index, behind a place in it."""
        rows = self.ordered(select(*what).where(*self.along), _columns)
        return rows if after is None else rows.where(self._behind(after))

    def ordered(self, rows: Select[Any], columns: _Columns) -> Select[Any]:
        """Order by the key: ids downwards, moments upwards."""
        if len(self.key) == 1:
            return rows.order_by(columns.id.desc())
        return rows.order_by(*(columns[str(column.key)] for column in self.key))

    def place(self, row: Any) -> str:
        """Write down where a row stands in the order."""
        *moments, number = (getattr(row, str(column.key)) for column in self.key)
        return "_".join([*(str((one - _EPOCH) // _MICROSECOND) for one in moments), str(number)])

    def _behind(self, place: str) -> ColumnElement[bool]:
        try:
            *moments, number = map(int, place.split("_"))
            at = [_EPOCH + one * _MICROSECOND for one in moments]
        except (ValueError, OverflowError):
            at, number = [], -1
        if len(at) + 1 != len(self.key) or not 0 <= number < 2**63:
            raise ValueError(f"no place in this list: {place}")
        if not at:
            return _columns.id < number
        return tuple_(*self.key) > tuple_(literal(at[0]), literal(number))


def page(conn: Connection, wanted: Filter, *, after: str | None = None, limit: int = 50, scan: int = SCAN) -> ListPage:
    """Return a page of a list; `after` is the `next` of the page before.

    Raises:
        ValueError: `after` is none that a page of this list has given.
    """
    walk = _walk(wanted)
    seen = walk.select(appointments, after=after).limit(scan).subquery()
    found = select(*_shown(seen.c)).where(*_named(_conditions(wanted, seen.c), walk.rest)).limit(limit + 1)
    rows = [Listed.of(row) for row in conn.execute(walk.ordered(found, seen.c))]
    if len(rows) > limit:
        return ListPage(rows[:limit], walk.place(rows[limit - 1]))
    cut = conn.execute(walk.select(*walk.key, after=after).offset(scan - 1).limit(1)).first() if walk.rest else None
    return ListPage(rows, None if cut is None else walk.place(cut))


def stream(conn: Connection, wanted: Filter, *, limit: int = 100_000) -> Iterator[Listed]:
    """Yield a list row by row, from a cursor of the server: `conn` is in a transaction, and stays in it meanwhile."""
    walk = _walk(wanted)
    rows = walk.select(*_shown(_columns)).where(*_named(_conditions(wanted, _columns), walk.rest)).limit(limit)
    for row in conn.execute(rows.execution_options(stream_results=True, yield_per=BATCH)):
        yield Listed.of(row)


def count(conn: Connection, wanted: Filter, *, cap: int = 1001, scan: int = SCAN) -> Count:
    """Count a list up to a cap."""
    walk = _walk(wanted)
    most = scan if walk.rest else cap
    seen = walk.select(appointments).limit(most).subquery()
    fits = _named(_conditions(wanted, seen.c), walk.rest)
    looked, found = conn.execute(
        select(func.count(), func.count().filter(*fits) if fits else func.count()).select_from(seen)
    ).one()
    return Count(min(found, cap), capped=looked == most or found >= cap)


def _walk(wanted: Filter) -> _Walk:
    """Choose the index: which order it can give, and what it knows of the filter."""
    held = wanted.state is Status.HELD or wanted.reason is not None or wanted.at_risk is not None
    asked = wanted.requested_from is not None or wanted.requested_to is not None
    sort = wanted.sort
    if wanted.at_risk is not None:
        sort = Sort.START
    elif sort is Sort.ID and (asked or wanted.reason is not None):
        sort = Sort.ASKED
    if sort is Sort.START and not (held or wanted.state is Status.CONFIRMED):
        sort = Sort.ASKED if asked else Sort.ID
    if sort is Sort.ASKED and not (held or asked or wanted.state is None):
        sort = Sort.ID
    known = {"ids", "held"}
    if sort is Sort.ID:
        known |= {"state"} | ({"event_type"} if wanted.state is Status.CONFIRMED else set())
    elif sort is Sort.ASKED:
        known |= {"reason", "requested_from", "requested_to"}
    else:
        known |= {"at_risk", "start_from", "start_to", "state"}
    conditions = _conditions(wanted, _columns)
    keys = {
        Sort.ID: (_columns.id,),
        Sort.ASKED: (_columns.requested_at, _columns.id),
        Sort.START: (_columns.start_at, _columns.id),
    }
    rest = tuple(name for name in conditions if name not in known)
    return _Walk(keys[sort], _named(conditions, [name for name in conditions if name in known]), rest)


def _conditions(wanted: Filter, columns: _Columns) -> Mapping[str, ColumnElement[bool]]:
    """Return what a row must be, by name. States are literals: else no partial index serves a prepared statement."""
    held = wanted.state is Status.HELD or wanted.reason is not None or wanted.at_risk is not None
    made: dict[str, ColumnElement[bool]] = {}
    if held:
        made["held"] = columns.status == literal_column("'held'")
    if wanted.state is not None and wanted.state is not Status.HELD:
        made["state"] = columns.status == literal_column(f"'{wanted.state.value}'")
    tests: dict[str, tuple[Callable[[Any, Any], ColumnElement[bool]], ColumnElement[Any]]] = {
        "reason": (eq, columns.hold_reason),
        "event_type": (eq, literal_column(EVENT_TYPE)),
        "error_type": (eq, columns.error_type),
        "requested_from": (ge, columns.requested_at),
        "requested_to": (lt, columns.requested_at),
        "start_from": (ge, columns.start_at),
        "start_to": (lt, columns.start_at),
        "at_risk": (le, columns.start_at),
    }
    asked = {name: value for name in tests if (value := getattr(wanted, name)) is not None}
    made |= {name: tests[name][0](tests[name][1], value) for name, value in asked.items()}
    if wanted.ids is not None:
        made["ids"] = columns.id.in_(wanted.ids)
    return made


def _named(conditions: Mapping[str, ColumnElement[bool]], names: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return tuple(conditions[name] for name in names)


def _shown(columns: _Columns) -> list[ColumnElement[Any]]:
    event_type: ColumnElement[Any] = literal_column(EVENT_TYPE).label("event_type")
    return [event_type if one.name == "event_type" else columns[one.name] for one in fields(Listed)]

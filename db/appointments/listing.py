"""Lists of bookings without anything personal: filtered, in pages, as a stream; no page reads more than a bounded part.

A page walks an index in its order and keeps what the filter wants. What the index does not know is looked at row by
row, at most SCAN of them a page: then the page is short, and the next goes on behind it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import eq, ge, le, lt
from typing import Any, Self

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, func, literal, literal_column, select, tuple_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from db.lifecycle import HoldReason, Status
from db.models.accounts import calcom_accounts
from db.models.bookings import appointments, event_type, held_by
from db.sql import statement

SCAN = 1000
"""Rows that one page, or one count, looks at where no index knows what is wanted."""
BY_ROW = 100
"""Rows up to which is counted what no index can count without them."""
BATCH = 1000  # rows that a stream fetches at once
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_Columns = Mapping[str, ColumnElement[Any]] | ReadOnlyColumnCollection[str, Any]


class Sort(StrEnum):
    """In which order: the newest id first, or the earliest request, or the earliest start."""

    ID = "id"
    ASKED = "asked"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which bookings, in which order; None: all. Periods begin at `from` and end before `to`.

    `account`: its name. `at_risk`: held, and starts before this moment. `ids`: these very ones. Where no index has the
    order (by start: all but held and confirmed; by request: one state that is not held), it is that of ids; of one hold
    reason and of a period of requests it is that of requests.
    """

    state: Status | None = None
    reason: HoldReason | None = None
    account: str | None = None
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
    cancel_requested: bool
    booked_start_at: datetime | None  # where it is at Cal.com since it was moved; None: at start_at
    account_id: int

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """Read a row whose columns are the fields, in their order."""
        number, status, reason, *rest = row
        return cls(number, Status(status), None if reason is None else HoldReason(reason), *rest)


@dataclass(frozen=True, slots=True)
class ListPage:
    """Rows, and where the next page begins (`after`); None: there is none.

    `looked`: how many rows were looked at before it ended short, down to which request or start; 0: it is not short.
    """

    rows: list[Listed]
    next: str | None
    looked: int = 0
    down_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many; `capped`: there are more, or there may be."""

    count: int
    capped: bool


_BY_ID = ("id",)
_MET = {"status": ("state", "held"), "event_type": ("event_type",), "hold_reason": ("reason",)}
_KEYS = {Sort.ID: _BY_ID, Sort.ASKED: ("requested_at", "id"), Sort.START: ("start_at", "id")}
_WRITTEN: Mapping[str, ColumnElement[Any]] = {"event_type": event_type, "hold_reason": held_by}
_ALL: Mapping[str, ColumnElement[Any]] = {
    one.name: _WRITTEN[one.name] if one.name in _WRITTEN else appointments.c[one.name] for one in fields(Listed)
}
# Only the index of what is held has requests so: that of all bookings would be read from the oldest one on.
_HELD_ASKED = {**_ALL, "requested_at": literal_column("timezone('UTC', requested_at)")}
_SHOWN = tuple(column.label(name) for name, column in _ALL.items())


@dataclass(frozen=True, slots=True)
class _Walk:
    """How a list is read: down or up the columns of an index, by names of `Listed`; `rest`: conditions beside it.

    `lead` are the values of its first columns. They are asked for as ranges and ordered by: else PostgreSQL may take an
    index that has only the rest of the order, and read everything that does not fit. Behind a place the end of the
    range is enough: with both ends PostgreSQL begins at that of the first column, and passes all entries before it.
    """

    columns: Mapping[str, ColumnElement[Any]]
    lead: Mapping[str, ColumnElement[Any]]
    key: tuple[str, ...]
    along: tuple[ColumnElement[bool], ...]
    rest: tuple[str, ...]

    def select(self, *what: ColumnElement[Any], after: str | None = None) -> Select[Any]:
        """Return what stands along the index, behind a place in it."""
        first, last = (le, ge) if self.key == _BY_ID else (ge, le)
        rows = select(*what).where(*self._lead(last), *self.along)
        begins = self._lead(first) if after is None else [self._behind(after)]
        return rows.where(*begins).order_by(*self.order(self.columns[name] for name in self.names))

    def _lead(self, end: Callable[[Any, Any], ColumnElement[bool]]) -> list[ColumnElement[bool]]:
        return [end(self.columns[name], value) for name, value in self.lead.items()]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns of the order."""
        return (*self.lead, *self.key)

    def order(self, columns: Iterable[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
        """Return the order of the index: ids downwards, moments upwards."""
        return [column.desc() if self.key == _BY_ID else column for column in columns]

    def place(self, row: Any) -> str:
        """Write down where a row stands in the order."""
        *moments, number = (getattr(row, name) for name in self.key)
        return "_".join([*(str((one - _EPOCH) // _MICROSECOND) for one in moments), str(number)])

    def _behind(self, place: str) -> ColumnElement[bool]:
        try:
            *moments, number = map(int, place.split("_"))
            at = [_moment(self.columns, _EPOCH + one * _MICROSECOND) for one in moments]
        except (ValueError, OverflowError):
            at, number = [], -1
        if len(at) + 1 != len(self.key) or not 0 <= number < 2**63:
            raise ValueError(f"no place in this list: {place}")
        here = tuple_(*(self.columns[name] for name in self.names))
        there = tuple_(*self.lead.values(), *map(literal, at), literal(number, BigInteger))
        return here < there if self.key == _BY_ID else here > there


def page(conn: Connection, wanted: Filter, *, after: str | None = None, limit: int = 50, scan: int = SCAN) -> ListPage:
    """Return a page of a list; `after` is the `next` of the page before.

    Raises:
        ValueError: `after` is none that a page of this list has given.
    """
    walk = _walk(wanted)
    along = walk.select(*_SHOWN, after=after)
    if walk.rest:
        order = {f"by_{name}": walk.columns[name] for name in walk.names}
        seen = along.add_columns(*(column.label(name) for name, column in order.items())).limit(scan).subquery()
        shown = (seen.c[name] for name in _ALL)
        along = select(*shown).where(*_named(wanted, seen.c, walk.rest)).order_by(*walk.order(seen.c[n] for n in order))
    rows = [Listed.of(row) for row in conn.execute(along.limit(limit + 1))]
    if len(rows) > limit:
        return ListPage(rows[:limit], walk.place(rows[limit - 1]))
    moment = _ALL["start_at" if walk.key == _KEYS[Sort.START] else "requested_at"].label("down_to")
    last = walk.select(*(_ALL[name] for name in walk.key), moment, after=after).offset(scan - 1).limit(1)
    cut = conn.execute(last).first() if walk.rest else None
    return ListPage(rows, None) if cut is None else ListPage(rows, walk.place(cut), scan, cut.down_to)


def is_dense(wanted: Filter) -> bool:
    """Return whether a list is read along all bookings, in the order in which they were stored."""
    walk = _walk(wanted)
    return not walk.lead and not _is_held(wanted) and walk.key != _KEYS[Sort.START]


def stream(conn: Connection, wanted: Filter, *, limit: int = 100_000) -> Iterator[Listed]:
    """Yield a list row by row, from a cursor of the server: `conn` is in a transaction, and stays in it meanwhile."""
    walk = _walk(wanted)
    rows = walk.select(*_SHOWN).where(*_named(wanted, _ALL, walk.rest)).limit(limit)
    for row in conn.execute(rows.execution_options(stream_results=True, yield_per=BATCH)):
        yield Listed.of(row)


def count(conn: Connection, wanted: Filter, *, cap: int = 1001, scan: int = SCAN) -> Count:
    """Count a list up to a cap; all that is held, or held for one reason, as the last health check has counted it."""
    if _is_held(wanted) and replace(wanted, state=None, reason=None, sort=Sort.ID) == Filter():
        held: int = conn.execute(statement("kept_holds"), {"reason": wanted.reason}).scalar_one()
        if held >= cap:
            return Count(held, capped=False)
    walk = _walk(wanted)
    most = scan if walk.rest else BY_ROW if "event_type" in walk.lead else cap
    along = walk.select(*_SHOWN)
    seen = (along if walk.rest else along.order_by(None)).limit(most).subquery()
    fits = func.count().filter(*_named(wanted, seen.c, walk.rest)) if walk.rest else func.count()
    looked, found = conn.execute(select(func.count(), fits).select_from(seen)).one()
    return Count(min(found, cap), capped=looked == most or found >= cap)


def _walk(wanted: Filter) -> _Walk:
    """Choose the index: which order it can give, and what it knows of the filter."""
    sort = _sort(wanted)
    lead: dict[str, ColumnElement[Any]] = {}
    columns = _HELD_ASKED if sort is Sort.ASKED and _is_held(wanted) and wanted.reason is None else _ALL
    along = {"ids", "held", "state"}
    if sort is Sort.ID and wanted.state is Status.CONFIRMED and wanted.event_type is not None:
        lead["event_type"] = literal(wanted.event_type)
    elif sort is Sort.ID and wanted.state is not None:
        lead["status"] = literal_column(f"'{wanted.state.value}'")
        along = {"ids"}
    elif sort is Sort.ASKED:
        along = {"ids", "held", "requested_from", "requested_to"}
        if wanted.reason is not None:
            lead["hold_reason"] = literal(wanted.reason.value)
    elif sort is Sort.START:
        along |= {"at_risk", "start_from", "start_to"}
    conditions = _conditions(wanted, columns)
    met = {one for name in lead for one in _MET[name]}
    rest = tuple(name for name in conditions if name not in along and name not in met)
    walked = tuple(test for name, test in conditions.items() if name in along - met)
    return _Walk(columns, lead, _KEYS[sort], walked, rest)


def _sort(wanted: Filter) -> Sort:
    if wanted.at_risk is not None:
        return Sort.START
    asked = wanted.requested_from is not None or wanted.requested_to is not None
    if wanted.sort is Sort.START and (_is_held(wanted) or wanted.state is Status.CONFIRMED):
        return Sort.START
    if asked or wanted.reason is not None:
        return Sort.ASKED
    return Sort.ASKED if wanted.sort is Sort.ASKED and wanted.state in {None, Status.HELD} else Sort.ID


def _is_held(wanted: Filter) -> bool:
    return wanted.state is Status.HELD or wanted.reason is not None or wanted.at_risk is not None


def _conditions(wanted: Filter, columns: _Columns) -> dict[str, ColumnElement[bool]]:
    """Return what a row must be, by name. States are literals: else no partial index serves a prepared statement."""
    made: dict[str, ColumnElement[bool]] = {}
    if _is_held(wanted):
        made["held"] = columns["status"] == literal_column("'held'")
    if wanted.state is not None and wanted.state is not Status.HELD:
        made["state"] = columns["status"] == literal_column(f"'{wanted.state.value}'")
    tests: dict[str, tuple[Callable[[Any, Any], ColumnElement[bool]], ColumnElement[Any]]] = {
        "reason": (eq, columns["hold_reason"]),
        "event_type": (eq, columns["event_type"]),
        "error_type": (eq, columns["error_type"]),
        "requested_from": (ge, columns["requested_at"]),
        "requested_to": (lt, columns["requested_at"]),
        "start_from": (ge, columns["start_at"]),
        "start_to": (lt, columns["start_at"]),
        "at_risk": (le, columns["start_at"]),
    }
    asked = {name: value for name in tests if (value := getattr(wanted, name)) is not None}
    asked |= {name: _moment(columns, asked[name]) for name in ("requested_from", "requested_to") if name in asked}
    made |= {name: tests[name][0](tests[name][1], value) for name, value in asked.items()}
    if wanted.account is not None:
        named = select(calcom_accounts.c.id).where(calcom_accounts.c.name == wanted.account)
        made["account"] = columns["account_id"] == named.scalar_subquery()
    if wanted.ids is not None:
        made["ids"] = columns["id"].in_(wanted.ids)
    return made


def _moment(columns: _Columns, at: datetime) -> datetime:
    """Return a moment of a request as these columns have it."""
    return at.astimezone(UTC).replace(tzinfo=None) if columns is _HELD_ASKED else at


def _named(wanted: Filter, columns: _Columns, names: Sequence[str]) -> list[ColumnElement[bool]]:
    conditions = _conditions(wanted, columns)
    return [conditions[name] for name in names]

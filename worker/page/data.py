"""The handlers that answer the page in JSON."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection
from tornado.httputil import format_timestamp
from tornado.web import HTTPError

from db import accounts
from db.appointments import listing, looking, search
from db.monitoring import call_marks
from db.monitoring.status_queries import AT_RISK
from db.snapshot import snapshot
from tasks.dependencies import Dependencies
from worker.page import booking
from worker.page.asked import SearchBody, read
from worker.page.base import DataHandler, PrivateHandler
from worker.page.charts import RANGES, shared_charts
from worker.page.query import LONGEST_TEXT, ListQuery, booking_id, list_query, refused
from worker.page.reading import SharedByKey, readers
from worker.page.shared_overview import FRESH, shared_overview

NO_READING = 3.0  # seconds: longer than a reading takes, whichever server is down
FOUND = 20  # bookings
LOOK_FOR = 0.5  # seconds, of the PATIENCE that one answer has


class OverviewData(DataHandler):
    """The overview and the verdict."""

    tag: str | None = None

    async def get(self) -> None:
        """Answer with the reading that all viewers share; 304 when it is unchanged."""
        try:
            answer = await asyncio.wait_for(shared_overview().latest(), NO_READING)
        except TimeoutError:
            raise HTTPError(503, "the reading takes too long") from None
        self.tag = answer.tag
        self.set_header("Date", format_timestamp(time.time()))  # the page sets its clock by it
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(answer.text)

    def compute_etag(self) -> str | None:
        """Return the reading's tag."""
        return self.tag


class ChartsData(DataHandler):
    """The charts of the last hour, day or week."""

    async def get(self) -> None:
        """Answer with columns of numbers; 304 when no step has been added."""
        name = self.get_query_argument("range", "1h")
        if name not in RANGES:
            raise refused(f"range: must be one of {', '.join(RANGES)}")
        host = self.get_query_argument("service", None)
        if host is not None and len(host) > LONGEST_TEXT:
            raise refused("service: too long")
        self.answer(await shared_charts().latest((name, host)))


class BookingsData(DataHandler):
    """A list of bookings."""

    async def get(self) -> None:
        """Answer with one page of it, and how many there are: the reading that all viewers of this list share."""
        asked_list(self, readers().deps)
        self.answer(await _lists().latest(tuple(sorted(_arguments(self).items()))))


class BookingData(PrivateHandler):
    """One booking."""

    async def get(self, appointment_id: str) -> None:
        """Answer with its facts and its timeline."""
        number = booking_id(appointment_id)
        found = await _bookings().latest(number)
        if found is None:
            raise HTTPError(404, f"no booking has the id {appointment_id}")
        self.answer(found)


class SearchData(PrivateHandler):
    """Bookings that a person names: by id, uuid, key, correlation id or Cal.com's uid."""

    async def get(self) -> None:
        """Refuse: addresses are in the logs of proxies, and people type more than ids."""
        raise HTTPError(405, "what is searched for is sent by POST, and stands in no address")

    async def post(self) -> None:
        """Answer with the bookings that were found, also to a viewer who may only read."""
        wanted = read(self.request.body, SearchBody)
        if not wanted.q or len(wanted.q) > LONGEST_TEXT:
            raise refused("q: give an id, a uuid, a key, a correlation id or Cal.com's uid")
        self.answer({"rows": await readers().run(lambda deps: _find(deps, wanted))})


def asked_list(handler: DataHandler, deps: Dependencies) -> ListQuery:
    """Return the list that a request's address asks for. Raises HTTPError: 422, with a sentence."""
    return _query(deps, _arguments(handler))


def _arguments(handler: DataHandler) -> dict[str, str]:
    return {name: handler.get_query_argument(name) for name in handler.request.query_arguments}


def _query(deps: Dependencies, arguments: Mapping[str, str]) -> ListQuery:
    at_risk_before = datetime.now(UTC) + timedelta(seconds=deps.timings.lead + AT_RISK)
    return list_query(arguments, at_risk_before=at_risk_before)


@cache
def _lists() -> SharedByKey[tuple[tuple[str, str], ...], dict[str, Any]]:
    return SharedByKey(lambda key: readers().run(lambda deps: _page(deps, _query(deps, dict(key)))), FRESH)


@cache
def _bookings() -> SharedByKey[int, dict[str, Any] | None]:
    return SharedByKey(lambda number: readers().run(lambda deps: booking.read(deps, number)), FRESH)


def forget_readings() -> None:
    """Have lists and bookings read again, for an operator has changed something."""
    _lists().forget()
    _bookings().forget()


def _page(deps: Dependencies, wanted: ListQuery) -> dict[str, Any]:
    with snapshot(deps.engine) as conn:
        page = _rows(conn, wanted)
        called = call_marks.in_force(conn, [row.id for row in page.rows])
        found = {
            "rows": _named(conn, page.rows),
            "next": page.next,
            "looked": page.looked,
            "down_to": page.down_to,
            "called": called,
        }
        if wanted.look:
            return found
        count = listing.count(conn, wanted.filter)
    return {**found, "count": count.count, "capped": count.capped}


def _rows(conn: Connection, wanted: ListQuery) -> listing.ListPage:
    try:
        if wanted.look:
            ends_at = time.monotonic() + LOOK_FOR
            return looking.look_on(conn, wanted.filter, wanted.after, wanted.limit, lambda: time.monotonic() < ends_at)
        return listing.page(conn, wanted.filter, after=wanted.after, limit=wanted.limit)
    except ValueError:
        raise refused("after: no page has given this; begin with the first page") from None


def _find(deps: Dependencies, wanted: SearchBody) -> list[dict[str, Any]]:
    with snapshot(deps.engine) as conn:
        try:
            account = accounts.named(conn, wanted.account).id if wanted.account else None
        except accounts.NoSuchAccountError as unknown:
            raise refused(f"account: {unknown}") from None
        return _named(conn, search.find(conn, wanted.q, limit=FOUND, account=account))


def _named(conn: Connection, rows: list[listing.Listed]) -> list[dict[str, Any]]:
    names = accounts.names(conn, {row.account_id for row in rows})
    return [shown(row, names) for row in rows]


def shown(row: listing.Listed, names: Mapping[int, str]) -> dict[str, Any]:
    """Return a row with the name of its account in place of the number; without names `default` is the only one."""
    values = asdict(row)
    return values | {"account": names.get(values.pop("account_id"))}

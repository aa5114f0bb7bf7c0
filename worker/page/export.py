"""A list of bookings as a file: CSV for spreadsheets, JSON for programs; sent part by part while it is read."""

import asyncio
import contextlib
import csv
import io
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import astuple, fields
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from db.appointments import listing
from db.appointments.listing import Filter, Listed
from tasks.dependencies import Dependencies
from tasks.overview.sentences import iso
from worker.page.base import DataHandler, as_json
from worker.page.data import asked_list
from worker.page.reading import EXPORT_PATIENCE, asking, readers

T = TypeVar("T")
ROWS = 100_000
PART = 500  # rows
LONGEST = 600.0  # seconds: while it reads one snapshot, PostgreSQL cannot clean up rows that are deleted
COLUMNS = tuple(column.name for column in fields(Listed))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes these for the beginning of a formula, or skips them


class Export(DataHandler):
    """The bookings of a list, as CSV or JSON."""

    async def get(self, form: str) -> None:
        """Send them part by part, each when the reader has taken the one before."""
        wanted = asked_list(self, readers().deps)
        parts = _parts(readers().exporting, wanted.filter, _FORMS[form])
        ends_at = time.monotonic() + LONGEST
        try:
            part = await self._next(parts)  # before the first byte, while an error can still be answered
            self._announce(form)
            while part is not None and time.monotonic() < ends_at:
                self.write(part)
                await asyncio.wait_for(self.flush(), EXPORT_PATIENCE)
                part = await self._next(parts)
        except StreamClosedError:
            return  # the reader has closed the connection
        finally:
            with contextlib.suppress(HTTPError):  # Postgres is down, and the cursor with it
                await self._in_thread(parts.close)
        if part is not None:
            raise HTTPError(503, f"not read within {LONGEST:g} s")

    def head(self, *arguments: str) -> None:
        """Answer with the headers alone, and read nothing for them."""
        asked_list(self, readers().deps)
        self._announce(*arguments)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with the error; after the first byte close the connection, so that half a file cannot look whole."""
        if self._headers_written:
            self.request.connection.stream.close()
        else:
            super().send_error(status_code, **kwargs)

    def _announce(self, form: str) -> None:
        self.set_header("Content-Type", _TYPES[form])
        self.set_header("Content-Disposition", f'attachment; filename="bookings.{form}"')
        self.set_header("Cache-Control", "no-store")

    async def _next(self, parts: Iterator[str]) -> str | None:
        return await self._in_thread(lambda: next(parts, None))

    async def _in_thread(self, ask: Callable[[], T]) -> T:
        loop, threads = asyncio.get_running_loop(), readers().export_threads
        return await loop.run_in_executor(threads, lambda: asking(ask, EXPORT_PATIENCE))


def _parts(
    deps: Dependencies, wanted: Filter, form: Callable[[Iterator[Listed]], Iterator[str]]
) -> Generator[str, None, None]:
    """Yield the file; closed half-way, it closes its cursor and gives its connection back."""
    with deps.engine.connect() as conn:
        yield from form(listing.stream(conn, wanted, limit=ROWS))


def as_csv(rows: Iterator[Listed]) -> Iterator[str]:
    """Yield CSV (RFC 4180), a header first."""
    yield _lines([COLUMNS])
    while part := list(islice(rows, PART)):
        yield _lines([_cell(value) for value in astuple(row)] for row in part)


def as_array(rows: Iterator[Listed]) -> Iterator[str]:
    """Yield one JSON array, a row a line."""
    before = "[\n"
    while part := list(islice(rows, PART)):
        yield before + ",\n".join(as_json(row) for row in part)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    """Write a value so that a spreadsheet takes it for text, a number or a moment, and never for a formula."""
    if value is None:
        return ""
    text = iso(value) if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


_FORMS = {"csv": as_csv, "json": as_array}
_TYPES = {"csv": "text/csv; charset=UTF-8", "json": "application/json; charset=UTF-8"}

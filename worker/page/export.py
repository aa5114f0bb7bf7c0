"""A list of bookings as a file: CSV for spreadsheets, JSON for programs."""

import asyncio
import csv
import io
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import fields
from datetime import datetime
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from db import accounts
from db.appointments import listing
from db.appointments.listing import Filter, Listed
from tasks.dependencies import Dependencies
from tasks.overview.sentences import iso
from worker.page.base import DataHandler, as_json
from worker.page.data import asked_list, shown
from worker.page.reading import EXPORT_PATIENCE, EXPORTS, asking, readers

ROWS = 100_000
PART = 500  # rows
LONGEST = 120.0  # seconds: while it reads one snapshot, PostgreSQL cannot clean up rows that are deleted
READERS = 20  # at once: each has a file of some 30 MB at most
IN_MEMORY = 1 << 20  # bytes of a file that are not on the disk
SENT = 1 << 16  # bytes at once
COLUMNS = tuple(column.name for column in fields(Listed) if column.name != "account_id")
Row = Mapping[str, Any]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes these for the beginning of a formula, or skips them

_preparing, _sending = asyncio.Semaphore(EXPORTS), asyncio.Semaphore(READERS)


class Export(DataHandler):
    """The bookings of a list, as CSV or JSON.

    All of it is read into a temporary file first. So a slow reader keeps no connection to Postgres and no place that
    another one waits for, what fails is answered with its cause, and the length tells a reader whether all has come.
    """

    _has_left = False

    async def get(self, form: str) -> None:
        """Read the list, then send it, each part when the reader has taken the one before."""
        wanted = asked_list(self, readers().deps)
        if _sending.locked():
            raise HTTPError(503, f"{READERS} downloads are under way; try again when one has ended")
        async with _sending:
            with SpooledTemporaryFile(IN_MEMORY) as file:
                await self._prepare(file, wanted.filter, form)
                await self._send(file, form)

    async def head(self, *arguments: str) -> None:
        """Answer with the headers alone, and read nothing for them."""
        asked_list(self, readers().deps)
        self._announce(*arguments)
        await self.flush()  # else Tornado says that it is empty

    def on_connection_close(self) -> None:
        """Note that nobody reads it any more."""
        self._has_left = True

    async def _prepare(self, file: IO[bytes], wanted: Filter, form: str) -> None:
        try:
            await asyncio.wait_for(_preparing.acquire(), EXPORT_PATIENCE)
        except TimeoutError:
            raise HTTPError(503, f"{EXPORTS} other downloads are being read; try again in a moment") from None
        try:
            loop, threads = asyncio.get_running_loop(), readers().export_threads
            await loop.run_in_executor(threads, self._write, file, wanted, form)
        finally:
            _preparing.release()

    def _write(self, file: IO[bytes], wanted: Filter, form: str) -> None:
        ends_at = time.monotonic() + LONGEST
        with closing(_parts(readers().exporting, wanted, _FORMS[form])) as parts:
            while not self._has_left and (part := asking(lambda: next(parts, None), EXPORT_PATIENCE)) is not None:
                if time.monotonic() > ends_at:
                    raise HTTPError(503, f"Postgres has not given the list within {LONGEST:g} s")
                file.write(part.encode())

    async def _send(self, file: IO[bytes], form: str) -> None:
        self._announce(form)
        self.set_header("Content-Length", str(file.tell()))
        file.seek(0)
        with suppress(StreamClosedError):  # the reader has closed the connection
            while part := file.read(SENT):
                self.write(part)
                await asyncio.wait_for(self.flush(), EXPORT_PATIENCE)

    def _announce(self, form: str) -> None:
        self.set_header("Content-Type", _TYPES[form])
        self.set_header("Content-Disposition", f'attachment; filename="bookings.{form}"')
        self.set_header("Cache-Control", "no-store")


def _parts(
    deps: Dependencies, wanted: Filter, form: Callable[[Iterator[Row], Sequence[str]], Iterator[str]]
) -> Generator[str, None, None]:
    """Yield the file; closed half-way, it closes its cursor and gives its connection back."""
    with deps.engine.connect() as conn:
        names = accounts.names(conn)
        rows = (shown(row, names) for row in listing.stream(conn, wanted, limit=ROWS))
        yield from form(rows, (*COLUMNS, "account") if names else COLUMNS)


def as_csv(rows: Iterator[Row], columns: Sequence[str]) -> Iterator[str]:
    """Yield CSV (RFC 4180), a header first."""
    yield _lines([columns])
    while part := list(islice(rows, PART)):
        yield _lines([_cell(row[name]) for name in columns] for row in part)


def as_array(rows: Iterator[Row], _columns: Sequence[str]) -> Iterator[str]:
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

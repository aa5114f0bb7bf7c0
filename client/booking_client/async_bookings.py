"""The client of programs with an event loop: no call of it blocks the loop, and none takes a thread."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from datetime import datetime
from functools import partial
from typing import Any, Self

import psycopg

from booking_client.asking import (
    ChangeWish,
    accounts_of,
    ask_async,
    is_worth_waiting,
    keep_one,
    keep_wish,
    open_accounts,
    outcome_of,
    parts,
    patience,
    rows_of,
)
from booking_client.database.connections import AsyncConnections, AsyncPool, lending
from booking_client.database.deadlines import deadline
from booking_client.database.errors import driver_errors, is_refused, kept_in_part, may_have_kept
from booking_client.database.statements import Steps, T, run_async
from booking_client.database.transactions import in_async_transaction
from booking_client.errors import AppointmentDatabaseException
from booking_client.insertion import Inserted, keep
from booking_client.keep_rule import KeepRule
from booking_client.receipts import Answer, ChangeOutcome, Outcome, Receipt, answer
from booking_client.request.model import BookingRequest
from booking_client.settled import CHANNEL, LIMIT, SettledBooking, cursor_now, has_its_own_session, settled_since


class AsyncBookings:
    """Ask for bookings, and hear what became of them; one for each event loop.

    As `Bookings`, whose methods say what each does and raises; a pool is psycopg_pool's AsyncConnectionPool, and the
    caller's connection psycopg's AsyncConnection, or SQLAlchemy's AsyncSession or AsyncConnection.
    """

    def __init__(self, database: str | AsyncPool, *, schema: str = "public") -> None:
        self._pool = AsyncConnections(database) if isinstance(database, str) else lending(database)
        self._schema = schema
        self._rule = KeepRule(schema=schema, published=False, behind_others=True)

    async def enqueue(self, request: BookingRequest, *, connection: Any = None) -> Receipt:
        """Keep a request as a row; with the caller's `connection`, if and only if the caller commits."""
        return await self._keep(keep_one(request, self._rule), 1, connection)

    async def enqueue_many(self, requests: Sequence[BookingRequest], *, connection: Any = None) -> list[Answer]:
        """Keep any number of requests, and return an answer for each, in the same order."""
        if names := accounts_of(requests):
            await self._read(open_accounts(self._schema, names))
        answers = list[Answer]()
        new = 0  # rows of this call: a later one has its place further back in the queue
        for first, part in parts(requests):
            rows = rows_of(part, new)
            try:
                kept = await self._keep(keep(rows, self._rule), len(rows), connection)
            except AppointmentDatabaseException as error:
                in_part = first and connection is None
                raise kept_in_part(error, first, len(requests)) if in_part else error from None
            answers += map(answer, kept)
            new += sum(isinstance(one, Inserted) and one.created for one in kept)
        return answers

    async def outcome(
        self, appointment_id: int | None = None, *, key: str | None = None, account: str | None = None
    ) -> Outcome | None:
        """Return how a booking stands now, by its id or its idempotency key; None when there is no such booking."""
        return await self._read(outcome_of(self._schema, appointment_id, key, account))

    async def cancel(
        self,
        appointment_id: int | None = None,
        *,
        key: str | None = None,
        account: str | None = None,
        reason: str | None = None,
        change_key: str | None = None,
        connection: Any = None,
    ) -> ChangeOutcome:
        """Store the wish to cancel a booking, by its id or its idempotency key; no booking is locked."""
        wish = ChangeWish.of(None, reason, change_key)
        return await self._keep(keep_wish(self._schema, wish, appointment_id, key, account), 1, connection)

    async def reschedule(
        self,
        appointment_id: int | None = None,
        *,
        start: datetime,
        key: str | None = None,
        account: str | None = None,
        reason: str | None = None,
        change_key: str | None = None,
        connection: Any = None,
    ) -> ChangeOutcome:
        """Store the wish to move a booking to another start, with its offset from UTC; else as `cancel`."""
        wish = ChangeWish.of(start, reason, change_key)
        return await self._keep(keep_wish(self._schema, wish, appointment_id, key, account), 1, connection)

    async def wait(self, appointment_id: int, seconds: float, *, poll: float = 0.1) -> Outcome | None:
        """Return the outcome as soon as it is final, or how the booking stands after `seconds`."""
        ends_at = time.monotonic() + seconds
        while True:
            now = await self.outcome(appointment_id)
            left = ends_at - time.monotonic()
            if not is_worth_waiting(now) or left <= 0:
                return now
            await asyncio.sleep(min(poll, left))

    async def cursor(self) -> str:
        """Return the cursor of this moment, for `settled_since` and `listen`."""
        return await self._read(cursor_now(self._schema))

    async def settled_since(self, cursor: str | None = None, *, limit: int = LIMIT) -> list[SettledBooking]:
        """Return the bookings that have settled since a cursor, the first `limit` of them; none is missed."""
        return await self._read(settled_since(cursor, self._schema, limit))

    async def listen(self, cursor: str | None = None, *, every: float = 5.0) -> AsyncIterator[SettledBooking]:
        """Yield bookings as they settle, from a cursor (None: from now) on, for ever."""
        while True:
            try:
                with driver_errors():
                    cursor = cursor or await self.cursor()
                    async with (
                        self._pool.connection() as conn,
                        _closing(conn),
                        aclosing(_listen(conn, cursor, self._schema, every)) as ends,
                    ):
                        async for settled in ends:
                            cursor = settled.cursor
                            yield settled
            except AppointmentDatabaseException as error:
                if is_refused(error):
                    raise
                await asyncio.sleep(min(every, 1.0))

    async def close(self) -> None:
        """Close the connections that are the client's own."""
        if isinstance(self._pool, AsyncConnections):
            await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _keep(self, steps: Steps[T], size: int, connection: Any) -> T:
        if connection is not None:
            with driver_errors():
                return await run_async(steps, in_async_transaction(connection))
        sent = False
        try:
            with driver_errors(), deadline(patience(size)):
                async with self._pool.connection() as conn:
                    sent = True
                    async with _together(conn, size):
                        return await run_async(steps, partial(ask_async, conn))
        except AppointmentDatabaseException as error:
            raise (may_have_kept(error) if sent else error) from None

    async def _read(self, steps: Steps[T]) -> T:
        with driver_errors(), deadline(patience()):
            async with self._pool.connection() as conn:
                return await run_async(steps, partial(ask_async, conn))


def _together(conn: psycopg.AsyncConnection[Any], size: int) -> AbstractAsyncContextManager[object]:
    return conn.transaction() if size > 1 else nullcontext()  # one statement is a transaction of its own


async def _listen(
    conn: psycopg.AsyncConnection[Any], cursor: str, schema: str, every: float
) -> AsyncGenerator[SettledBooking]:
    await conn.set_autocommit(True)
    with deadline(patience()):
        if await run_async(has_its_own_session(conn.info.backend_pid), partial(ask_async, conn)):
            await conn.execute(f"LISTEN {CHANNEL}")
    while True:
        with deadline(patience()):
            found = await run_async(settled_since(cursor, schema), partial(ask_async, conn))
        for settled in found:
            cursor = settled.cursor
            yield settled
        async for _ in conn.notifies(timeout=every, stop_after=1):
            pass


@asynccontextmanager
async def _closing(conn: psycopg.AsyncConnection[Any]) -> AsyncIterator[None]:
    """Close a connection that listens before the pool has it again: nobody else is to have it."""
    try:
        yield
    finally:
        await conn.close()

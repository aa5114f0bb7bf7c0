"""The client of programs with threads, or none."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import datetime
from functools import partial
from typing import Any, Self

import psycopg

from booking_client.asking import (
    ChangeWish,
    accounts_of,
    ask,
    is_worth_waiting,
    keep_one,
    keep_wish,
    open_accounts,
    outcome_of,
    parts,
    patience,
    rows_of,
)
from booking_client.database.connections import Connections, Pool, lending
from booking_client.database.deadlines import deadline
from booking_client.database.errors import driver_errors, is_refused, kept_in_part, may_have_kept
from booking_client.database.statements import Steps, T, run
from booking_client.database.transactions import in_transaction
from booking_client.errors import AppointmentDatabaseException
from booking_client.insertion import Inserted, keep
from booking_client.keep_rule import KeepRule
from booking_client.receipts import Answer, ChangeOutcome, Outcome, Receipt, answer
from booking_client.request.model import BookingRequest
from booking_client.settled import CHANNEL, LIMIT, SettledBooking, cursor_now, has_its_own_session, settled_since


class Bookings:
    """Ask for bookings, and hear what became of them; one for the whole process, for any number of threads.

    `database` is a URL, to which ten connections at most are opened when needed, or a pool of psycopg_pool.
    `schema` is where booking-worker's tables are. Neither Redis nor Cal.com is asked: a row is all that is needed.
    """

    def __init__(self, database: str | Pool, *, schema: str = "public") -> None:
        self._pool = Connections(database) if isinstance(database, str) else lending(database)
        self._schema = schema
        self._rule = KeepRule(schema=schema, published=False, behind_others=True)

    def enqueue(self, request: BookingRequest, *, connection: Any = None) -> Receipt:
        """Keep a request as a row; with the caller's `connection`, if and only if the caller commits.

        Without it the row is committed when this returns. A connection is psycopg's, a SQLAlchemy session or
        connection, Django's, or another DB-API connection to PostgreSQL.

        Raises:
            IdempotencyConflict: The key was given before, with another request.
            NotFirstError: It is wanted only as the first for its time, and is not; nothing was kept.
            CustomerValidationException: Its account is not there, or closed; nothing was kept.
            AppointmentDatabaseException: Postgres could not keep it. Or, if its message says so, Postgres did not say
                whether it has: the same request again gets its receipt.
        """
        return self._keep(keep_one(request, self._rule), 1, connection)

    def enqueue_many(self, requests: Sequence[BookingRequest], *, connection: Any = None) -> list[Answer]:
        """Keep any number of requests, and return an answer for each, in the same order.

        Without the caller's `connection` each part is a transaction: the first 32 requests, then four times as many
        each time, at most a thousand.

        Raises:
            CustomerValidationException: An account is not there, or closed; nothing was kept.
            AppointmentDatabaseException: As `enqueue`, of one part: those after it are not kept, those before it are,
                and then the message says how many. The same requests again get their receipts.
        """
        if names := accounts_of(requests):
            self._read(open_accounts(self._schema, names))
        answers = list[Answer]()
        new = 0  # rows of this call: a later one has its place further back in the queue
        for first, part in parts(requests):
            rows = rows_of(part, new)
            try:
                kept = self._keep(keep(rows, self._rule), len(rows), connection)
            except AppointmentDatabaseException as error:
                in_part = first and connection is None
                raise kept_in_part(error, first, len(requests)) if in_part else error from None
            answers += map(answer, kept)
            new += sum(isinstance(one, Inserted) and one.created for one in kept)
        return answers

    def outcome(
        self, appointment_id: int | None = None, *, key: str | None = None, account: str | None = None
    ) -> Outcome | None:
        """Return how a booking stands now, by its id or its idempotency key; None when there is no such booking.

        The key is that of an account; None: of `default`.

        Raises:
            AppointmentDatabaseException: Postgres could not be asked.
        """
        return self._read(outcome_of(self._schema, appointment_id, key, account))

    def cancel(
        self,
        appointment_id: int | None = None,
        *,
        key: str | None = None,
        account: str | None = None,
        reason: str | None = None,
        change_key: str | None = None,
        connection: Any = None,
    ) -> ChangeOutcome:
        """Store the wish to cancel a booking, by its id or its idempotency key; no booking is locked.

        With the caller's `connection`, as in `enqueue`, the wish exists if and only if the caller commits. After the
        commit booking-worker decides whether it is possible, and `outcome` shows what became of it, among its changes.
        `reason` is what Cal.com tells the attendee. The same `change_key` is the same change.

        Raises:
            LookupError: There is no such booking.
            ValueError: The reason, the start or the key cannot be stored or sent.
            AppointmentDatabaseException: As `enqueue`: the same wish again is the same change.
        """
        wish = ChangeWish.of(None, reason, change_key)
        return self._keep(keep_wish(self._schema, wish, appointment_id, key, account), 1, connection)

    def reschedule(
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
        return self._keep(keep_wish(self._schema, wish, appointment_id, key, account), 1, connection)

    def wait(
        self,
        appointment_id: int,
        seconds: float,
        *,
        poll: float = 0.1,
        pause: Callable[[float], object] | None = None,
    ) -> Outcome | None:
        """Return the outcome as soon as it is final, or how the booking stands after `seconds`.

        For the caller who is on the phone. A held booking is reported at once, since it will not be quick.

        Raises:
            AppointmentDatabaseException: Postgres could not be asked.
        """
        return wait(self.outcome, appointment_id, seconds, poll=poll, pause=pause)

    def cursor(self) -> str:
        """Return the cursor of this moment, for `settled_since` and `listen`."""
        return self._read(cursor_now(self._schema))

    def settled_since(self, cursor: str | None = None, *, limit: int = LIMIT) -> list[SettledBooking]:
        """Return the bookings that have settled since a cursor, the first `limit` of them; none is missed.

        Each has the cursor after it: keep the last one's, and give it the next time. None: all that is kept. A booking
        may come more than once, as it stands now.

        Raises:
            AppointmentDatabaseException: Postgres could not be asked.
        """
        return self._read(settled_since(cursor, self._schema, limit))

    def listen(self, cursor: str | None = None, *, every: float = 5.0) -> Iterator[SettledBooking]:
        """Yield bookings as they settle, from a cursor (None: from now) on, for ever.

        A notification wakes it; without one, as behind PgBouncer, it asks `every` so many seconds. A server that is
        away, or does not answer, is asked again until it is back.

        Raises:
            AppointmentDatabaseException: Postgres refuses the question itself: nothing is migrated in this schema.
        """
        while True:
            try:
                with driver_errors():
                    cursor = cursor or self.cursor()
                    with self._pool.connection() as conn, closing(conn):  # it listens: nobody else is to have it
                        for settled in _listen(conn, cursor, self._schema, every):
                            cursor = settled.cursor
                            yield settled
            except AppointmentDatabaseException as error:
                if is_refused(error):
                    raise
                threading.Event().wait(min(every, 1.0))

    def close(self) -> None:
        """Close the connections that are the client's own."""
        if isinstance(self._pool, Connections):
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, steps: Steps[T], size: int, connection: Any) -> T:
        if connection is not None:
            with driver_errors():
                return run(steps, in_transaction(connection))
        sent = False
        try:
            with driver_errors(), deadline(patience(size)), self._pool.connection() as conn:
                sent = True
                with _together(conn, size):
                    return run(steps, partial(ask, conn))
        except AppointmentDatabaseException as error:
            raise (may_have_kept(error) if sent else error) from None

    def _read(self, steps: Steps[T]) -> T:
        with driver_errors(), deadline(patience()), self._pool.connection() as conn:
            return run(steps, partial(ask, conn))


def _together(conn: psycopg.Connection[Any], size: int) -> AbstractContextManager[object]:
    return conn.transaction() if size > 1 else nullcontext()  # one statement is a transaction of its own


def _listen(conn: psycopg.Connection[Any], cursor: str, schema: str, every: float) -> Iterator[SettledBooking]:
    conn.set_autocommit(True)
    with deadline(patience()):
        if run(has_its_own_session(conn.info.backend_pid), partial(ask, conn)):
            conn.execute(f"LISTEN {CHANNEL}")
    while True:
        with deadline(patience()):
            found = run(settled_since(cursor, schema), partial(ask, conn))
        for settled in found:
            cursor = settled.cursor
            yield settled
        for _ in conn.notifies(timeout=every, stop_after=1):
            pass


def wait(
    outcome: Callable[[int], Outcome | None],
    appointment_id: int,
    seconds: float,
    *,
    poll: float = 0.1,
    pause: Callable[[float], object] | None = None,
) -> Outcome | None:
    """Ask for an outcome until it is final or held, or `seconds` are over; and return it."""
    pause = pause or threading.Event().wait
    ends_at = time.monotonic() + seconds
    while True:
        now = outcome(appointment_id)
        left = ends_at - time.monotonic()
        if not is_worth_waiting(now) or left <= 0:
            return now
        pause(min(poll, left))

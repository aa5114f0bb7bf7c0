"""What both clients ask, as steps: one booking by its id or key, and what their own connections add to a statement."""

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from weakref import WeakKeyDictionary

import psycopg
from psycopg.rows import tuple_row

from booking_client.database.deadlines import ServerClock, remaining
from booking_client.database.statements import Query, Rows, Steps, answered, load, run, run_async
from booking_client.insertion import NewAppointment, keep
from booking_client.keep_rule import KeepRule
from booking_client.receipts import UNREAD, ChangeOutcome, Outcome, Receipt, outcome_columns, receipt
from booking_client.request import fields
from booking_client.request.model import BookingRequest, instant
from booking_client.states import ChangeStatus, Status

# Seconds that a caller waits for Postgres, and for each further request: he may be on the phone.
PATIENCE, PATIENCE_EACH = 1.5, 0.005
ASKED_AGAIN = "booking_asked_again"  # the channel of confirmed bookings that are asked for again: their ids
PART = 1_000  # requests in one transaction: they take Postgres half a second, and a statement may take ten
FIRST_PART, GROWTH = 32, 4  # requests in the first one, so that its bookings begin at once, and from part to part

_clocks: WeakKeyDictionary[Any, ServerClock] = WeakKeyDictionary()


def patience(requests: int = 0) -> float:
    """Return for how many seconds one waits for an answer, or for so many requests to be kept."""
    return PATIENCE + requests * PATIENCE_EACH


def rows_of(
    requests: Sequence[BookingRequest], first_number: int = 0, *, api_key_id: int | None = None
) -> list[NewAppointment]:
    """Return the rows of a bulk, or of a part of it: a higher number has its place further back in the queue.

    Raises:
        TypeError: One is no BookingRequest.
    """
    _require_requests(requests)
    numbered = enumerate(requests, first_number)
    return [NewAppointment.of(request, number, api_key_id=api_key_id) for number, request in numbered]


def parts(requests: Sequence[BookingRequest]) -> Iterator[tuple[int, Sequence[BookingRequest]]]:
    """Yield the parts of a bulk, each with the number of its first request: the first is small, the others grow.

    Raises:
        TypeError: One is no BookingRequest; no part came before.
    """
    _require_requests(requests)
    first, size = 0, FIRST_PART
    while first < len(requests):
        yield first, requests[first : first + size]
        first, size = first + size, min(GROWTH * size, PART)


def _require_requests(requests: Sequence[BookingRequest]) -> None:
    if not all(isinstance(request, BookingRequest) for request in requests):
        raise TypeError("a request must be a BookingRequest: BookingRequest.parse makes one of a dict")


def accounts_of(requests: Sequence[BookingRequest]) -> list[str]:
    """Return the accounts to ask about before the first part of a bulk is kept; none for what is one part.

    The INSERT of each part looks itself; a part that is refused must not come after others that were kept.
    """
    named = {request.account for request in requests} if len(requests) > FIRST_PART else set()
    return sorted(name for name in named if name is not None)


def open_accounts(schema: str | None, names: Sequence[str]) -> Steps[None]:
    """Have Postgres refuse accounts that are not open, by SQLSTATE `ACCOUNT_NOT_OPEN`."""
    yield Query(load("open_accounts", schema), {"names": names})


def keep_one(request: BookingRequest, rule: KeepRule) -> Steps[Receipt]:
    """Keep one request, and have a worker look whether a known booking that is confirmed still stands at Cal.com.

    Raises:
        IdempotencyConflict, NotFirstError: As `receipt`.
    """
    [kept] = yield from keep(rows_of([request]), rule)
    told = receipt(kept)
    if told.as_of is not None:
        yield Query("SELECT pg_notify(%(channel)s, %(id)s)", {"channel": ASKED_AGAIN, "id": str(told.appointment_id)})
    return told


def outcome_of(
    schema: str | None, appointment_id: int | None, key: str | None = None, account: str | None = None
) -> Steps[Outcome | None]:
    """Return how the booking of an id, or the newest of an idempotency key, stands now; None: there is none.

    The key is that of an account, by its name; None: `default`.

    Raises:
        TypeError: Neither is given, or both, or the id is no number.
    """
    found = yield _booking(schema, outcome_columns(), appointment_id, key, account)
    return Outcome.read(found[0]) if found else None


def _booking(
    schema: str | None, columns: str, appointment_id: int | None, key: str | None, account: str | None
) -> Query:
    """Return what reads these columns of a booking, by its id or its idempotency key."""
    if (appointment_id is None) == (key is None):
        raise TypeError("give appointment_id or key")
    if key is not None:
        written = unicodedata.normalize("NFC", key)  # as requests write it
        return Query(load("find_by_key", schema, columns), {"key": written, "account": account})
    if not isinstance(appointment_id, int):
        raise TypeError("appointment_id must be a number; give an idempotency key as key=...")
    return Query(load("outcome_by_id", schema, columns), {"id": appointment_id})


class ChangeWish(NamedTuple):
    """Say what is wished of a booking: another start, or (None) that it is cancelled."""

    start: datetime | None
    reason: str | None
    change_key: str | None

    @classmethod
    def of(cls, start: datetime | None, reason: str | None, change_key: str | None) -> Self:
        """Return the wish as it is stored.

        Raises:
            ValueError: The start, the reason or the key cannot be stored or sent.
        """
        for name, text, longest in (("reason", reason, fields.MAX_REASON), ("change_key", change_key, fields.MAX_KEY)):
            if text is not None and len(text) > longest:
                raise ValueError(f"{name} must have at most {longest} characters")
        return cls(
            None if start is None else instant(start),
            None if reason is None else fields.storable(reason),
            None if change_key is None else fields.key(change_key),
        )

    def asked(self, at: datetime) -> ChangeOutcome:
        """Return the state of the wish right after it was stored."""
        return ChangeOutcome.of(
            ChangeStatus.WAITING, start=self.start, change_key=self.change_key, asked_at=at, words=UNREAD
        )


def keep_wish(
    schema: str | None, wish: ChangeWish, appointment_id: int | None, key: str | None, account: str | None
) -> Steps[ChangeOutcome]:
    """Store a wish for the booking of an id, or for the newest of an idempotency key; no booking is locked.

    Raises:
        LookupError: There is no such booking.
        TypeError: Neither is given, or both, or the id is no number.
    """
    found = yield _booking(schema, "appointment.id", appointment_id, key, account)
    asked = {"start": wish.start and wish.start.isoformat(), "reason": wish.reason, "key": wish.change_key}
    sql = load("keep_wish", schema)
    kept = (yield Query(sql, {"id": found[0][0], **asked}, bounded=True)) if found else ()
    if not kept:
        raise LookupError("no booking has this id or key")
    return wish.asked(kept[0][1])


def is_worth_waiting(now: Outcome | None) -> bool:
    """Return whether a booking may settle soon: a held one will not."""
    return now is not None and not now.final and now.status is not Status.HELD


def ask(conn: psycopg.Connection[Any], query: Query) -> Rows:
    """Send a statement on a connection of ours; a bounded one does nothing after the block's deadline."""

    def fetch(query: Query) -> Rows:
        return conn.cursor(row_factory=tuple_row).execute(query.sql, query.parameters).fetchall()

    return run(_in_time(query, _clock(conn)), fetch) if query.bounded else fetch(query)


async def ask_async(conn: psycopg.AsyncConnection[Any], query: Query) -> Rows:
    """Send a statement on a connection of ours; a bounded one does nothing after the block's deadline."""

    async def fetch(query: Query) -> Rows:
        cursor = await conn.cursor(row_factory=tuple_row).execute(query.sql, query.parameters)
        return await cursor.fetchall()

    return await run_async(_in_time(query, _clock(conn)), fetch) if query.bounded else await fetch(query)


def _in_time(query: Query, clock: ServerClock) -> Steps[Rows]:
    """Send a statement that does nothing after the block's deadline; the clock is read again before that is believed.

    Raises:
        QueryCanceled: It came too late; nothing was done.
    """
    for again in (False, True):
        seconds = remaining(None)
        if clock.must_be_read(seconds, again=again):
            [[clock.said]] = yield Query("SELECT clock_timestamp()", {})
        rows = yield Query(query.sql, {**query.parameters, "not_after": clock.not_after(remaining(None))})
        if rows[0][0]:
            return answered(query, rows)
    raise psycopg.errors.QueryCanceled("it came too late, and was not done")


def _clock(conn: Any) -> ServerClock:
    return _clocks.setdefault(conn, ServerClock())

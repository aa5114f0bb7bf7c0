"""A client's wish to cancel or to move a booking: stored in the caller's transaction, and decided after its commit."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from booking_client import (
    AsyncBookings,
    Bookings,
    ChangeKind,
    ChangeOutcome,
    ChangeStatus,
    Outcome,
    Status,
)
from db import revisions
from db.namespace import TABLES
from tasks import dependencies
from tasks.changes.ask.by_client import decide_wishes
from tasks.maintenance.dispatch import dispatch
from tests.integration.booking_client.test_client_kept import wanted
from tests.integration.booking_client.test_client_transactions import KINDS, host
from tests.support.fleet import Fleet, eventually, row
from tests.support.statements import notified

__all__ = ["host"]  # a fixture

ROOT = Path(__file__).parents[3]
LATER = datetime(2031, 3, 5, 9, tzinfo=UTC)
Give = Callable[..., dict[str, str]]


def decide() -> None:
    """Do what the dispatcher does when a commit wakes it."""
    dispatch(dependencies.current())


def changes(bookings: Bookings, booking: int) -> list[ChangeOutcome]:
    """Return what a client sees of the changes of a booking."""
    outcome = bookings.outcome(booking)
    assert outcome is not None
    return list(outcome.changes)


def states(bookings: Bookings, booking: int) -> list[tuple[ChangeKind, ChangeStatus]]:
    """Return the kind and the state of each change."""
    return [(one.kind, one.status) for one in changes(bookings, booking)]


def confirmed(record: Any, uid: str = "abc") -> int:
    """Make a booking that Cal.com has; return its id."""
    number: int = record.moved(Status.CONFIRMED, calcom_booking_uid=uid, why="").id
    return number


def sql(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Read rows."""
    with psycopg.connect(url) as conn:
        return conn.execute(statement).fetchall()


@pytest.mark.parametrize("kind", KINDS)
def test_a_wish_exists_if_and_only_if_the_caller_commits(kind: str, host: str) -> None:
    """Whatever driver is under the connection; by the id and by the key of a booking of the same transaction."""
    bookings = Bookings(host)
    for ends in (False, True):
        with KINDS[kind](host) as (connection, commit):
            booking = bookings.enqueue(wanted(1, idempotency_key="order-1"), connection=connection).appointment_id
            asked = bookings.reschedule(key="order-1", start=LATER, reason="100 % ill", connection=connection)
            bookings.cancel(booking, connection=connection)
            if ends:
                commit()
        assert (asked.kind, asked.status, asked.start) == (ChangeKind.RESCHEDULE, ChangeStatus.WAITING, LATER)
        stored = sql(host, "SELECT kind, start_at, reason FROM public.change_wishes ORDER BY id")
        assert stored == ([("reschedule", LATER, "100 % ill"), ("cancel", None, None)] if ends else [])
    bookings.close()


@pytest.mark.parametrize("kind", ["psycopg", "session"])
def test_a_wish_exists_if_and_only_if_the_coroutine_commits(kind: str, host: str) -> None:
    """In a transaction of the caller's, and without one."""

    async def ask(*, commit: bool) -> None:
        async with AsyncBookings(host) as bookings:
            booking = (await bookings.enqueue(wanted(1))).appointment_id
            if kind == "psycopg":
                async with await psycopg.AsyncConnection.connect(host) as conn:
                    await bookings.cancel(booking, connection=conn)
                    await (conn.commit() if commit else conn.rollback())
            else:
                engine = create_async_engine(host.replace("postgresql:", "postgresql+psycopg:"))
                async with AsyncSession(engine) as session:
                    await bookings.cancel(booking, connection=session)
                    await (session.commit() if commit else session.rollback())
                await engine.dispose()
            if commit:
                await bookings.reschedule(booking, start=LATER)

    asyncio.run(ask(commit=False))
    assert sql(host, "SELECT kind FROM public.change_wishes") == []

    asyncio.run(ask(commit=True))
    assert sql(host, "SELECT kind FROM public.change_wishes ORDER BY id") == [("cancel",), ("reschedule",)]


def test_an_open_transaction_locks_no_booking(bookings: Bookings, record: Any, database_url: str) -> None:
    """A worker that must write the booking meanwhile waits for nobody."""
    booking = confirmed(record)
    with psycopg.connect(database_url) as open_one, psycopg.connect(database_url) as worker:
        bookings.cancel(booking, connection=open_one)
        bookings.reschedule(booking, start=LATER, connection=open_one)
        locked = worker.execute("SELECT id FROM appointments FOR UPDATE SKIP LOCKED").fetchall()
        worker.rollback()
        decide()
        assert states(bookings, booking) == []

    assert locked == [(booking,)]
    decide()
    assert [kind for kind, _ in states(bookings, booking)] == [ChangeKind.CANCEL, ChangeKind.RESCHEDULE]


def test_the_outcome_shows_each_change_from_the_wish_on(bookings: Bookings, record: Any) -> None:
    """What kind, its state, the wanted start, a sentence; by id and by key, and by the cursor of what settled."""
    booking = confirmed(record)
    key = row(booking).idempotency_key
    asked = bookings.reschedule(booking, start=LATER, reason="ill", change_key="move-1")
    [noted] = changes(bookings, booking)
    decide()
    outcome = bookings.outcome(key=key)
    assert outcome is not None
    [sent] = outcome.changes

    assert asked == noted
    assert (noted.status, noted.final, noted.sentence) == (
        ChangeStatus.WAITING,
        False,
        "Its move to 2031-03-05T09:00:00Z is stored, and is read next.",
    )
    assert (sent.kind, sent.status, sent.start, sent.change_key) == (
        ChangeKind.RESCHEDULE,
        ChangeStatus.PENDING,
        LATER,
        "move-1",
    )
    assert sent.asked_at == noted.asked_at
    assert sent.sentence == "Its move to 2031-03-05T09:00:00Z waits for a worker."
    assert [one.outcome.changes for one in bookings.settled_since()] == [(sent,)]
    assert TypeAdapter(Outcome).validate_json(TypeAdapter(Outcome).dump_json(outcome)) == outcome  # as FastAPI does
    assert sql_of(record, "SELECT reason, via, asked_by FROM booking_changes") == [("ill", "Python", "caller")]


def sql_of(record: Any, statement: str) -> list[tuple[Any, ...]]:
    """Read rows by the record's engine."""
    with record.engine.connect() as conn:
        return [tuple(one) for one in conn.exec_driver_sql(statement).all()]


def test_a_refused_wish_is_seen_in_the_outcome(bookings: Bookings, record: Any) -> None:
    """Nobody was there to be told: so it is kept, with its sentence, and the booking stands."""
    booking = confirmed(record)
    hour = datetime.now(UTC).replace(microsecond=0)
    bookings.reschedule(booking, start=hour - timedelta(hours=2), change_key="same")
    bookings.reschedule(booking, start=datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1))
    decide()
    seen = changes(bookings, booking)
    assert len(seen) == 2
    same, past = seen
    events = sql_of(record, "SELECT kind FROM appointment_events ORDER BY id")

    assert (same.status, same.final, same.change_key) == (ChangeStatus.REFUSED, True, "same")
    too_near = "the booking cannot be moved to a start that is past or too near"
    assert same.sentence.endswith(f"is refused; the booking stands as before: {too_near}.")
    assert past.last_error == too_near
    assert [kind for (kind,) in events][-4:] == ["change_asked", "change_refused"] * 2
    assert row(booking).status is Status.CONFIRMED


def test_what_is_not_booked_needs_no_call(bookings: Bookings) -> None:
    """It is asked for at the new start, or it is cancelled; a second cancel is no fault."""
    booking = bookings.enqueue(wanted(1)).appointment_id
    bookings.reschedule(booking, start=LATER)
    decide()
    assert (row(booking).start_at, states(bookings, booking)) == (LATER, [(ChangeKind.RESCHEDULE, ChangeStatus.DONE)])

    bookings.cancel(booking, change_key="c")
    decide()
    bookings.cancel(booking)
    bookings.cancel(booking, change_key="c")
    decide()
    outcome = bookings.outcome(booking)
    assert outcome is not None
    assert outcome.status is Status.CANCELLED
    assert [(one.status, one.last_error) for one in outcome.changes] == [(ChangeStatus.DONE, None)] * 3


def test_a_booking_that_was_not_dispatched_is_never_counted_as_a_lost_message(bookings: Bookings) -> None:
    """It was asked for and moved in one breath: its message is sent first, also if a run begins with the wish."""
    booking = bookings.enqueue(wanted(1)).appointment_id
    bookings.reschedule(booking, start=LATER)
    early = decide_wishes(dependencies.current())
    decide()

    moved = row(booking)
    assert early == 0
    assert (moved.start_at, moved.enqueued_at is not None, moved.resends) == (LATER, True, 0)


def test_the_same_key_and_the_same_open_wish_are_the_same_change(bookings: Bookings, record: Any) -> None:
    """Who got no answer asks again; another wish under the key is refused, and does not take the key."""
    booking = confirmed(record)
    for _ in range(2):
        bookings.reschedule(booking, start=LATER, change_key="move-1")
        bookings.reschedule(booking, start=LATER)
    bookings.cancel(booking, change_key="move-1")
    decide()

    assert [(one.kind, one.status, one.change_key) for one in changes(bookings, booking)] == [
        (ChangeKind.RESCHEDULE, ChangeStatus.PENDING, "move-1"),
        (ChangeKind.CANCEL, ChangeStatus.REFUSED, None),
    ]


def test_the_wishes_of_a_booking_are_decided_in_their_order(bookings: Bookings, record: Any, database_url: str) -> None:
    """One that another dispatcher has is not overtaken by the next; those of other bookings go on."""
    first, second = confirmed(record), confirmed(record, "def")
    bookings.reschedule(first, start=LATER)
    bookings.cancel(first)
    bookings.cancel(second)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT id FROM change_wishes ORDER BY id LIMIT 1 FOR UPDATE")
        decide()
        assert [kind for kind, _ in states(bookings, second)] == [ChangeKind.CANCEL]
        assert sql_of(record, "SELECT count(*) FROM booking_changes") == [(1,)]
    decide()

    assert states(bookings, first) == [
        (ChangeKind.RESCHEDULE, ChangeStatus.WITHDRAWN),
        (ChangeKind.CANCEL, ChangeStatus.PENDING),
    ]


def test_a_wish_that_cannot_be_decided_stops_no_other(bookings: Bookings, record: Any, database_url: str) -> None:
    """It stays, and is tried again."""
    first, second = confirmed(record), confirmed(record, "def")
    with psycopg.connect(database_url) as conn:
        conn.execute("ALTER TABLE booking_changes ADD CONSTRAINT a_fault CHECK (reason <> 'fault')")
    bookings.cancel(first, reason="fault")
    bookings.cancel(second)
    decide()
    assert [states(bookings, one) for one in (first, second)] == [
        [(ChangeKind.CANCEL, ChangeStatus.WAITING)],
        [(ChangeKind.CANCEL, ChangeStatus.PENDING)],
    ]

    with psycopg.connect(database_url) as conn:
        conn.execute("ALTER TABLE booking_changes DROP CONSTRAINT a_fault")
    decide()
    assert states(bookings, first) == [(ChangeKind.CANCEL, ChangeStatus.PENDING)]


def test_what_cannot_be_a_wish_is_refused_at_once(bookings: Bookings) -> None:
    """Nothing is stored of it."""
    booking = bookings.enqueue(wanted(1)).appointment_id
    with pytest.raises(LookupError, match="no booking has this id or key"):
        bookings.cancel(99)
    with pytest.raises(LookupError):
        bookings.cancel(key="nobody's")
    with pytest.raises(ValueError, match="needs its offset"):
        bookings.reschedule(booking, start=LATER.replace(tzinfo=None))
    with pytest.raises(ValueError, match="at most 500"):
        bookings.cancel(booking, reason="x" * 501)
    with pytest.raises(ValueError, match="NUL"):
        bookings.cancel(booking, reason="\x00")
    with pytest.raises(TypeError, match="give appointment_id or key"):
        bookings.cancel(booking, key="order-1")
    assert changes(bookings, booking) == []


@pytest.mark.fresh_database
@pytest.mark.usefixtures("roles")
def test_the_rights_that_a_caller_has_are_enough(database_url: str) -> None:
    """Of docs/calling.md; a reader has none of them."""
    page = (ROOT / "docs" / "calling.md").read_text("utf-8")
    [grants] = re.findall(r"```sql\n(GRANT .*?)```", page, re.DOTALL)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("GRANT SELECT ON appointments TO reader")
        conn.execute(grants.replace("your_role", "caller"))
        rights = "SELECT has_table_privilege('reader', 'change_wishes', 'INSERT')"
        assert conn.execute(rights).fetchone() == (False,)
    pool = ConnectionPool(make_conninfo(database_url, options="-c role=caller"), min_size=1, open=True)
    with pool, Bookings(pool) as client:
        booking = client.enqueue(wanted(1)).appointment_id
        client.cancel(booking)
        assert states(client, booking) == [(ChangeKind.CANCEL, ChangeStatus.WAITING)]
        assert client.enqueue(wanted(1)).duplicate
        assert states(client, booking) == []


def test_who_asks_for_the_booking_again_takes_back_what_nobody_has_read(bookings: Bookings, database_url: str) -> None:
    """The newest wish counts: the receipt of the second request is not that of a booking which is then cancelled.

    A move that nobody has read stays.
    """
    booking = bookings.enqueue(wanted(1)).appointment_id
    bookings.reschedule(booking, start=LATER)
    with psycopg.connect(database_url) as conn:
        bookings.cancel(booking, connection=conn)
        again = bookings.enqueue(wanted(1), connection=conn)
    decide()

    assert (again.appointment_id, again.duplicate) == (booking, True)
    assert (row(booking).status, row(booking).start_at) == (Status.PENDING, LATER)
    assert states(bookings, booking) == [(ChangeKind.RESCHEDULE, ChangeStatus.DONE)]
    assert row(booking).enqueued_at is not None


def test_a_given_key_takes_back_nothing_that_nobody_has_read(bookings: Bookings, database_url: str) -> None:
    """The same request with the same key is a read."""
    asked = wanted(1, idempotency_key="order-1")
    booking = bookings.enqueue(asked).appointment_id
    with psycopg.connect(database_url) as conn:
        bookings.cancel(booking, connection=conn)
        bookings.enqueue(asked, connection=conn)
    decide()

    assert row(booking).status is Status.CANCELLED


def test_in_a_schema_of_its_own_a_wish_is_decided_too(settings: Give, empty_database_url: str) -> None:
    """Beside a host's tables of the same names, which no statement of the client or the product meets."""
    settings(DATABASE_URL=empty_database_url, DATABASE_SCHEMA="bw")
    with psycopg.connect(empty_database_url, autocommit=True) as host:
        for name in TABLES:
            host.execute(f"CREATE TABLE {name} (id int)")
    revisions.migrate(dependencies.current().engine)
    with Bookings(empty_database_url, schema="bw") as bookings:
        booking = bookings.enqueue(wanted(1)).appointment_id
        bookings.cancel(booking)
        again = bookings.enqueue(wanted(1))
        bookings.reschedule(booking, start=LATER)
        decide()

        assert again.duplicate
        assert states(bookings, booking) == [(ChangeKind.RESCHEDULE, ChangeStatus.DONE)]


def test_a_transaction_with_wishes_notifies_once_when_it_commits(
    bookings: Bookings, record: Any, database_url: str
) -> None:
    """The dispatcher is woken by it, as by a request; what decides the wish notifies nobody."""
    booking = confirmed(record)
    with psycopg.connect(database_url, autocommit=True) as listener, psycopg.connect(database_url) as conn:
        listener.execute("LISTEN booking_requested")
        bookings.reschedule(booking, start=LATER, connection=conn)
        bookings.cancel(booking, connection=conn)
        conn.rollback()
        bookings.reschedule(booking, start=LATER, connection=conn)
        bookings.cancel(booking, connection=conn)
        conn.commit()
        decide()
        heard = notified(listener, conn)

    assert heard == [("booking_requested", "")]


def test_a_commit_has_the_booking_moved_and_cancelled_at_cal_com(
    fleet: Callable[..., Fleet], database_url: str, simulator: Any
) -> None:
    """By the dispatcher and a worker, as a booking is made."""
    deployment = fleet()
    deployment.worker()
    deployment.maintenance()
    with Bookings(database_url) as bookings:
        booking = bookings.enqueue(wanted(1)).appointment_id
        eventually(lambda: bookings.outcome(booking).status is Status.CONFIRMED)  # type: ignore[union-attr]
        start = row(booking).start_at + timedelta(hours=2)
        with psycopg.connect(database_url) as conn:
            bookings.reschedule(booking, start=start, connection=conn)
        eventually(lambda: states(bookings, booking) == [(ChangeKind.RESCHEDULE, ChangeStatus.DONE)])
        moved = bookings.outcome(booking)
        with psycopg.connect(database_url) as conn:
            bookings.cancel(booking, connection=conn)
        eventually(lambda: bookings.outcome(booking).status is Status.CANCELLED)  # type: ignore[union-attr]

    assert moved is not None
    assert moved.start == start
    assert [one["status"] for one in simulator.bookings()].count("accepted") == 0

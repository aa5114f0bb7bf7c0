"""Who asks what has settled since a cursor misses no end of a booking, however late its transaction commits."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import psycopg
import pytest

from booking_client import AsyncBookings, Bookings, SettledBooking
from db import appointments
from db.lifecycle import Status


@pytest.fixture
def bookings(database_url: str) -> Iterator[Bookings]:
    """Hand out a client of a migrated database without rows."""
    with Bookings(database_url) as client:
        yield client


def ids(settled: list[SettledBooking]) -> list[int]:
    """Return whose ends these are."""
    return [one.outcome.appointment_id for one in settled]


def _after(settled: list[SettledBooking]) -> str | None:
    """Return the cursor after these; None: there are none."""
    return settled[-1].cursor if settled else None


def confirm(conn: Any, row: Any) -> None:
    """Have a claimed booking confirmed in a transaction that somebody else commits."""
    appointments.move(
        conn, row.id, row.status, Status.CONFIRMED, token=row.claim_token, why="", calcom_booking_uid=f"uid-{row.id}"
    )


def settle(record: Any) -> int:
    """Have a booking confirmed, and return its id."""
    row = record.claimed()
    with record.engine.begin() as conn:
        confirm(conn, row)
    return int(row.id)


def test_what_commits_late_is_not_passed_by(bookings: Bookings, record: Any) -> None:
    """A transaction that wrote its event first, and one that began first, and both commit last."""
    early, late, slow = record.claimed(), record.claimed(), record.claimed()
    begun = bookings.cursor()
    with record.engine.connect() as first, record.engine.connect() as second:
        first.exec_driver_sql("SELECT pg_current_xact_id()")  # has its number, and writes its event last
        with second.begin():
            confirm(second, late)
            with record.engine.begin() as conn:
                confirm(conn, early)
            seen = bookings.settled_since(begun)
        confirm(first, slow)
        then = bookings.settled_since(_after(seen))
        first.commit()
    last = bookings.settled_since(_after(then))

    assert (ids(seen), ids(then), ids(last)) == ([early.id], [late.id], [slow.id])
    assert bookings.settled_since(_after(last)) == []
    assert sorted(ids(bookings.settled_since(begun))) == sorted([early.id, late.id, slow.id])


def test_a_long_list_comes_in_pages_and_a_late_commit_between_two(bookings: Bookings, record: Any) -> None:
    """What begins and what commits while the pages are read comes after them, once."""
    late = record.claimed()
    cursor, seen = None, list[int]()
    with record.engine.connect() as conn:
        confirm(conn, late)
        wanted = [settle(record) for _ in range(5)]
        for _ in range(2):
            page = bookings.settled_since(cursor, limit=2)
            seen += ids(page)
            cursor = page[-1].cursor
        begun_later = settle(record)
        conn.commit()
    while page := bookings.settled_since(cursor, limit=2):
        seen += ids(page)
        cursor = page[-1].cursor

    assert seen == [*wanted, late.id, begun_later]


def test_a_booking_comes_as_it_stands_now_and_not_while_it_is_asked_for_again(bookings: Bookings, record: Any) -> None:
    """Failed, and sent again by the operator: it has not settled; confirmed then, it comes so, twice."""
    begun = bookings.cursor()
    row = record.moved(Status.FAILED, why="")
    assert [one.outcome.status for one in bookings.settled_since(begun)] == [Status.FAILED]
    record.move(row, Status.PENDING, why="")
    assert bookings.settled_since(begun) == []
    record.move(record.claim(row.id), Status.CONFIRMED, why="", calcom_booking_uid="uid-1")

    assert [one.outcome.status for one in bookings.settled_since(begun)] == [Status.CONFIRMED] * 2


def test_in_a_restored_cluster_a_cursor_from_before_begins_anew(bookings: Bookings, record: Any) -> None:
    """Its transactions count from the start: what was restored, and what settles then, comes."""
    before = settle(record)
    with record.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE appointment_events SET xid = '99999999'")
    after = settle(record)
    seen = bookings.settled_since("88888888:88888888:")

    assert sorted(ids(seen)) == [before, after]
    assert bookings.settled_since(seen[-1].cursor) == []


@pytest.mark.parametrize("every", [0.1, 60.0], ids=["without notifications", "by notifications"])
def test_a_listener_hears_of_each_end(bookings: Bookings, database_url: str, record: Any, every: float) -> None:
    """By a notification, and without any, as behind PgBouncer."""
    begun = bookings.cursor()
    with closing(bookings.listen(begun, every=every)) as heard, psycopg.connect(database_url, autocommit=True) as conn:
        first = settle(record)
        assert next(heard).outcome.appointment_id == first
        second = settle(record)
        if every > 1:
            conn.execute("NOTIFY booking_settled, '2'")
        assert next(heard).outcome.appointment_id == second


def test_a_listener_outlives_a_server_that_is_killed(bookings: Bookings, postgres: Any, record: Any) -> None:
    """From its cursor it hears what settled while nobody was connected."""
    first = settle(record)
    with closing(bookings.listen("", every=0.2)) as heard:
        assert [one.outcome.appointment_id for one in islice(bookings.settled_since(), 1)] == [first]
        begun = bookings.cursor()
        listening = bookings.listen(begun, every=0.2)
        second = settle(record)
        assert next(listening).outcome.appointment_id == second
        postgres.kill()
        postgres.recover()
        record.engine.dispose()
        third = settle(record)
        assert next(listening).outcome.appointment_id == third
        listening.close()
        heard.close()


def test_a_coroutine_that_listens_hears_of_each_end(database_url: str, record: Any) -> None:
    """In the order in which they settled."""

    async def listen() -> list[int]:
        async with AsyncBookings(database_url) as bookings:
            begun = await bookings.cursor()
            wanted.extend(await asyncio.to_thread(lambda: [settle(record) for _ in range(3)]))
            heard = bookings.listen(begun, every=0.1)
            try:
                return [(await anext(heard)).outcome.appointment_id for _ in range(3)]
            finally:
                await heard.aclose()  # type: ignore[attr-defined]

    wanted: list[int] = []
    assert asyncio.run(listen()) == wanted

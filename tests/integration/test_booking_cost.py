"""What a booking and a change of it ask of the servers, from the request to the end, beside what Celery needs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import redis
from sqlalchemy import event

from db.changes import asking
from db.connection import DeadlineConnection
from db.lifecycle import ChangeStatus, Status
from tasks import dependencies
from tasks.booking import book_appointment, change_booking
from tasks.enqueue import CallersRequest, enqueue_booking, enqueue_bookings, enqueue_together, outcome
from tests.support.fleet import request, row
from worker import cancel_booking, reschedule_booking

SCRIPTS = {"evalsha", "eval", "fcall"}


class Asked:
    """Count what this process asks: statements, those of them in a transaction of their own, exchanges, commands."""

    def __init__(self) -> None:
        self.statements = 0
        self.alone = 0
        self.exchanges = 0
        self.commands: dict[str, int] = {}

    def scripts(self) -> int:
        """Return how many scripts ran."""
        return sum(count for name, count in self.commands.items() if name in SCRIPTS)


@contextmanager
def asked(redis_url: str) -> Iterator[Asked]:
    """Count what is asked within this block; an exchange with Postgres is one round trip."""
    seen = Asked()
    engine = dependencies.current().engine
    wait = DeadlineConnection.wait

    def note(_conn: Any, cursor: Any, *_: Any) -> None:
        seen.statements += 1
        seen.alone += cursor.connection.autocommit

    def exchange(self: Any, asking: Any, *arguments: Any, **options: Any) -> Any:
        return wait(self, _counted(asking, seen), *arguments, **options)

    with redis.Redis.from_url(redis_url) as client:
        before = _calls(client)
        event.listen(engine, "before_cursor_execute", note)
        try:
            with patch.object(DeadlineConnection, "wait", exchange):
                yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)
        seen.commands = {name: calls - before.get(name, 0) for name, calls in _calls(client).items()}


def _counted(asking: Any, seen: Asked) -> Any:
    """Count what waits for the server at all: psycopg also sets its own flags in this way."""
    try:
        wanted = next(asking)
        seen.exchanges += 1
        while True:
            wanted = asking.send((yield wanted))
    except StopIteration as said:
        return said.value


def _calls(client: Any) -> dict[str, int]:
    return {name.removeprefix("cmdstat_"): said["calls"] for name, said in client.info("commandstats").items()}


def test_one_booking_is_three_statements_three_scripts_and_one_message(
    settings: Callable[..., dict[str, str]], redis_url: str
) -> None:
    """INSERT with the check whether others wait, claim with it, move with its event: each a round trip and a commit.

    The breaker is asked before the row is kept, before the POST, and told after it.
    """
    settings()
    for first in range(3):  # connections, the server's clock, scripts
        book_appointment.apply([enqueue_booking(request(first)).appointment_id])
    dependencies.current().database_calls.flush()  # what is counted is reported once a second, by the next call

    with patch.object(type(dependencies.current().database_calls), "flush_if_due"), asked(redis_url) as seen:
        kept = enqueue_booking(request(3))
        book_appointment.apply([kept.appointment_id])

    after = outcome(kept.appointment_id)
    assert after is not None
    assert after.status is Status.CONFIRMED
    assert (seen.statements, seen.alone, seen.exchanges) == (3, 3, 3)
    assert seen.scripts() == 3
    assert seen.commands["lpush"] == 1


def test_many_requests_cost_postgres_what_one_costs(settings: Callable[..., dict[str, str]], redis_url: str) -> None:
    """One INSERT in one transaction for each part (of 32, 128 and 40 requests), and its messages in one pipeline."""
    settings()
    enqueue_bookings([request(0), request(1)])  # connections

    with asked(redis_url) as first:
        enqueue_bookings([request(number) for number in range(2, 34)])
    with asked(redis_url) as seen:
        enqueue_bookings([request(number) for number in range(34, 234)])

    assert (first.statements, seen.statements) == (1, 3)
    assert (first.commands["lpush"], seen.commands["lpush"]) == (32, 200)


def test_requests_of_many_callers_cost_postgres_what_one_costs(
    settings: Callable[..., dict[str, str]], redis_url: str
) -> None:
    """Those that arrive together: one INSERT, and a message each in one pipeline."""
    settings()
    enqueue_together([CallersRequest(request(number), 1) for number in range(2)])  # connections

    with asked(redis_url) as seen:
        enqueue_together([CallersRequest(request(number), number % 3) for number in range(2, 22)])

    assert seen.statements == 1
    assert seen.commands["lpush"] == 20


@pytest.mark.parametrize(("kind", "statements", "exchanges"), [("cancel", 7, 9), ("reschedule", 8, 10)])
def test_a_change_is_two_transactions_and_one_call(
    settings: Callable[..., dict[str, str]],
    redis_url: str,
    simulator: Any,
    kind: str,
    statements: int,
    exchanges: int,
) -> None:
    """The wish locks, reads and stores; the end moves the change, and then the booking.

    Between the two stands the claim, which has the booking with it (and of a move what is known of the event type);
    behind them the statement that lets go of what waited. A commit is an exchange, too.
    """
    settings()
    bookings = [enqueue_booking(request(number)).appointment_id for number in range(3)]
    for booking in bookings:
        book_appointment.apply([booking])

    def change(booking: int, start: datetime) -> None:
        wished = cancel_booking(booking) if kind == "cancel" else reschedule_booking(booking, start)
        change_booking.apply([wished.change_id])

    starts = [row(booking).start_at + timedelta(hours=2) for booking in bookings]
    for number in range(2):  # connections, scripts, what the event type is
        change(bookings[number], starts[number])
    dependencies.current().database_calls.flush()
    before = len(simulator.journal())

    with patch.object(type(dependencies.current().database_calls), "flush_if_due"), asked(redis_url) as seen:
        change(bookings[2], starts[2])

    with dependencies.current().engine.connect() as conn:
        assert [one.status for one in asking.of_booking(conn, bookings[2])] == [ChangeStatus.DONE]
    assert [entry["target"].rpartition("/")[2] for entry in simulator.journal()[before:]] == [kind]
    assert (seen.statements, seen.exchanges) == (statements, exchanges)
    assert seen.scripts() == 2
    assert seen.commands["lpush"] == 1

"""What one booking asks of the servers, from enqueue to confirmed, beside what Celery needs itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import redis
from sqlalchemy import event

from db.connection import DeadlineConnection
from db.lifecycle import Status
from tasks import dependencies
from tasks.booking import book_appointment
from tasks.enqueue import enqueue_booking, enqueue_bookings, outcome
from tests.support.fleet import request

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
    """One INSERT in one transaction, and their messages in one pipeline."""
    settings()
    enqueue_bookings([request(0), request(1)])  # connections

    with asked(redis_url) as seen:
        enqueue_bookings([request(number) for number in range(2, 202)])

    assert seen.statements == 1
    assert seen.commands["lpush"] == 200

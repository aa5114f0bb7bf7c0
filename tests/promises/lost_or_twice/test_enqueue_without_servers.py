"""Promise 1 at the caller's end: a hurt broker costs a second at most, a hurt Postgres is a clear error within two."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import redis
from sqlalchemy import event

from db.connection import deadline
from db.lifecycle import Status
from resilience.exceptions import AppointmentDatabaseException
from tasks import dependencies
from tasks.enqueue import outcome
from tasks.work.publish import QUEUE
from tests.chaos.faults.proxy import Network, Weather
from tests.support.fleet import request
from tests.support.servers.patience import patient_callers
from tests.support.timeouts import expired_timeouts
from worker import enqueue_booking, enqueue_bookings

SIDE = ("here",)
SECOND = 1.0  # of time-outs that are waited out; benchmarks/bounds/hurt_servers.py measures the time


@pytest.fixture
def network() -> Iterator[Network]:
    """Lay lines to the servers."""
    with Network() as made:
        yield made


@contextmanager
def hurt(how: str, server: Any, network: Network, name: str) -> Iterator[None]:
    """Have a server killed or frozen, or every packet to it lost."""
    match how:
        case "killed":
            server.kill()
        case "frozen":
            server.pause()
        case "black-holed":
            network.become(Weather.SWALLOWED, name, SIDE)
    yield
    network.become(Weather.FAIR, name, SIDE)
    server.recover()


def queued(url: str) -> int:
    """Count the messages in the bookings' queue."""
    with redis.Redis.from_url(url) as client:
        return int(client.llen(QUEUE))  # type: ignore[arg-type]  # redis-py's types serve its async client too


@pytest.mark.variants(first=2)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["killed", "frozen", "black-holed"])
@pytest.mark.parametrize("before", ["connected", "not connected"])
def test_a_hurt_broker_costs_a_caller_a_second_and_no_booking(
    settings: Callable[..., dict[str, str]], valkey: Any, network: Network, redis_url: str, how: str, before: str
) -> None:
    """The receipt says accepted, and the row is committed."""
    settings(REDIS_URL=network.lay("here", "valkey", redis_url))
    if before == "connected":
        with patient_callers():
            enqueue_booking(request(0))
    with hurt(how, valkey, network, "valkey"), expired_timeouts() as waited, patient_callers():
        receipt = enqueue_booking(request(1))
        kept = outcome(receipt.appointment_id)
    assert receipt.status is Status.PENDING
    assert kept is not None
    assert sum(waited) < SECOND


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["killed", "frozen", "black-holed"])
@pytest.mark.parametrize("before", ["connected", "not connected"])
def test_a_hurt_postgres_is_a_clear_error_within_two_seconds_and_publishes_nothing(
    settings: Callable[..., dict[str, str]],
    postgres: Any,
    network: Network,
    database_url: str,
    redis_url: str,
    how: str,
    before: str,
) -> None:
    """Nothing was accepted, so nothing may run: and once Postgres is back the same request is accepted."""
    settings(DATABASE_URL=network.lay("here", "postgres", database_url))
    waiting = 0
    if before == "connected":
        with patient_callers():
            enqueue_booking(request(0))
        waiting = queued(redis_url)
    with hurt(how, postgres, network, "postgres"):
        with (
            patch("tasks.enqueue.deadline", wraps=deadline) as bounded,
            pytest.raises(AppointmentDatabaseException) as refused,
        ):
            enqueue_booking(request(1))
        assert queued(redis_url) == waiting
    assert refused.value.is_retryable()
    assert str(refused.value)
    [all_that_it_asks] = bounded.call_args_list
    assert all_that_it_asks.args[0] < 2 * SECOND
    assert dependencies.current().engine.pool.checkedout() == 0
    with patient_callers():
        assert not enqueue_booking(request(1)).duplicate


# Of PgBouncer it comes with an SQLSTATE.
LOST = [psycopg.OperationalError("the connection is lost"), psycopg.errors.ProtocolViolation("server conn crashed?")]


@pytest.mark.parametrize("lost", LOST, ids=["silent", "PgBouncer"])
def test_a_postgres_that_goes_silent_over_the_commit_is_not_called_a_refusal(
    settings: Callable[..., dict[str, str]], redis_url: str, lost: psycopg.Error
) -> None:
    """It has kept the request and could not say so: a caller who is told "no" would ask for another time."""
    settings()
    engine = dependencies.current().engine

    def keep_and_die(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "INSERT INTO appointments" in statement:  # it is committed as it is sent
            raise lost

    event.listen(engine, "after_cursor_execute", keep_and_die)
    try:
        with pytest.raises(AppointmentDatabaseException) as said:
            enqueue_booking(request(1))
    finally:
        event.remove(engine, "after_cursor_execute", keep_and_die)

    assert "may have kept the request: send the same one again" in str(said.value)
    assert queued(redis_url) == 0
    assert enqueue_booking(request(1)).duplicate


def test_requests_over_whose_commit_postgres_goes_silent_are_not_called_refused(
    settings: Callable[..., dict[str, str]], redis_url: str
) -> None:
    """Many are one transaction, which ends with a commit of its own."""
    settings()
    engine = dependencies.current().engine
    keep = engine.dialect.do_commit

    def keep_and_die(connection: Any) -> None:
        keep(connection)
        raise LOST[0]

    asked = [request(1), request(2)]
    with patch.object(engine.dialect, "do_commit", keep_and_die), pytest.raises(AppointmentDatabaseException) as said:
        enqueue_bookings(asked)

    assert "may have kept the request: send the same one again" in str(said.value)
    assert queued(redis_url) == 0
    assert all(receipt.duplicate for receipt in enqueue_bookings(asked))  # type: ignore[union-attr]

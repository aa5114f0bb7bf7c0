"""Promise 1: a worker outlives a Redis that is out of memory, and a table that grows beneath its statements."""

import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy.exc import DBAPIError

from db.lifecycle import Status
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tasks import dependencies
from tasks.host.database_errors import as_appointment_error
from tasks.work.publish import QUEUE
from tests.support.fleet import Fleet, eventually, finals, request, row
from worker import enqueue_bookings

POST = {"method": "POST", "path": "/v2/bookings"}
SLOW_ANSWERS = {"CALCOM_READ_TIMEOUT": "60", "CALCOM_DEADLINE": "60"}  # a call waits for the test


@pytest.mark.long
def test_a_worker_outlives_a_redis_that_is_out_of_memory(
    fleet: Callable[..., Fleet], simulator: Any, posts: Callable[[], Counter[str]], redis_url: str
) -> None:
    """It could take a message and not note that it had: which ended it, and every call that it had under way."""
    running = fleet(**SLOW_ANSWERS)
    worker = running.worker(concurrency=2)
    running.maintenance()
    running.beat()
    simulator.faults("stall", step="insert", delay=60, match=POST)
    wanted = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(40)])]
    eventually(lambda: posts().total() == 2, what="its two threads are at work")
    with redis.Redis.from_url(redis_url) as client:
        waiting = client.llen(QUEUE)
        client.config_set("maxmemory", 1)
        simulator.no_faults()
        eventually(lambda: client.llen(QUEUE) < waiting and "OutOfMemory" in running.logs(), what="it meets it")
        client.config_set("maxmemory", 0)
    ends = finals(wanted)
    assert {one.status for one in ends.values()} == {Status.CONFIRMED}
    assert worker.poll() is None
    assert len(simulator.bookings()) == len(wanted)


@pytest.mark.parametrize(
    ("refuse", "take"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0")),
    ],
    ids=["a replica by now", "too few replicas"],
)
def test_a_worker_outlives_a_redis_that_takes_no_writes_for_a_while(
    fleet: Callable[..., Fleet], redis_url: str, refuse: tuple[str, ...], take: tuple[str, ...]
) -> None:
    """What it says (UNBLOCKED, NOREPLICAS) is an answer: that ended each worker that waited for messages."""
    running = fleet()
    worker = running.worker(concurrency=2)
    finals([one.appointment_id for one in enqueue_bookings([request(0)])])
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command(*refuse)
        try:
            eventually(
                lambda: "Connection to broker lost" in running.logs() or worker.poll() is not None, what="it met it"
            )
        finally:
            client.execute_command(*take)
    assert worker.poll() is None
    finals([one.appointment_id for one in enqueue_bookings([request(1)])])


def test_a_worker_that_is_told_to_stop_ends_what_it_has_begun_and_takes_no_more(
    fleet: Callable[..., Fleet], simulator: Any, posts: Callable[[], Counter[str]]
) -> None:
    """SIGTERM while a call is under way; nobody else is there who could bring it to its end."""
    running = fleet(**SLOW_ANSWERS)
    worker = running.worker(concurrency=1)
    simulator.faults("stall", step="insert", delay=60, match=POST)
    first, second = (one.appointment_id for one in enqueue_bookings([request(number) for number in range(2)]))
    eventually(posts, what="it has begun")
    worker.send_signal(signal.SIGTERM)
    eventually(lambda: "Warm shutdown" in running.logs(), what="it has been told")
    simulator.no_faults()
    eventually(lambda: worker.poll() is not None, what="it is gone")
    assert (worker.poll(), row(first).status, row(second).status) == (0, Status.CONFIRMED, Status.PENDING)
    assert len(simulator.bookings()) == 1


@pytest.mark.fresh_database
def test_a_column_that_comes_costs_one_statement_that_may_be_tried_again(
    settings: Callable[..., dict[str, str]], database_url: str
) -> None:
    """Prepared statements break when a table grows: that was one error for each connection and statement."""
    settings()
    engine = dependencies.current().engine

    def read() -> None:
        with engine.connect() as first, engine.connect() as second:  # two of the pool
            for conn in (first, second):
                queue_sweeps.release_due(conn, BOOKINGS, key="any", settings="any", limit=1)
                conn.commit()

    for _ in range(8):  # psycopg prepares at the sixth
        read()
    with psycopg.connect(database_url) as migration:
        migration.execute("ALTER TABLE appointments ADD COLUMN later integer")
    with pytest.raises(DBAPIError) as stale:
        read()
    assert as_appointment_error(stale.value).is_retryable()
    read()

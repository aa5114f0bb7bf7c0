"""Promise 1, at scale: what Redis forgets is sent again soon, and what it has not forgotten is not sent twice."""

import base64
import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy import text

from tasks import dependencies
from tasks.maintenance.sweeper import rescue_stranded
from tasks.work.publish import QUEUE
from tests.support.fleet import Fleet, eventually, request
from worker import enqueue_booking, enqueue_bookings

MANY = 50_000
# Rows as an hour of enqueueing leaves them, the first of them delivered: the queue has simply not come further.
WAITING = """
INSERT INTO appointments (
    uuid, idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at,
    attendee_name, attendee_email, attendee_time_zone, status, enqueued_at, requested_at, calcom_booking_uid
)
SELECT gen_random_uuid(), 'key ' || n, false, '', '', 'task ' || n, 110, '2030-03-01Z'::timestamptz,
    'Pat Example', 'pat@example.com', 'UTC', CASE WHEN n <= 100 THEN 'confirmed' ELSE 'pending' END, at, at,
    CASE WHEN n <= 100 THEN 'uid' || n END
FROM (SELECT n, now() - interval '1 hour' + n * interval '70 ms' AS at FROM generate_series(1, %(many)s) AS n) AS one
RETURNING id
"""
LEFT = text("SELECT count(*) FROM appointments WHERE status = 'pending' AND resends = 0")


@pytest.mark.long
def test_a_thousand_queued_bookings_all_move_again(fleet: Callable[..., Fleet], simulator: Any, redis_url: str) -> None:
    """Though Cal.com is slow, so that the queue is long: each has left it, or has a new message, and none is lost.

    That this takes at most fifteen seconds is measured by benchmarks/bounds/flushed_queue.py.
    """
    running = fleet(CALCOM_READ_TIMEOUT="60", CALCOM_DEADLINE="60").start(concurrency=8)
    simulator.settings(latency=0.5)
    simulator.faults("stall", step="insert", delay=60, match={"method": "POST", "path": "/v2/bookings"})
    enqueue_bookings([request(number) for number in range(1000)])

    def left() -> int:
        with dependencies.current().engine.connect() as conn:
            return int(conn.execute(LEFT).scalar_one())

    assert left() > 800, "the queue is long"
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    simulator.no_faults()
    eventually(lambda: left() == 0, what="all are moving again")
    eventually(lambda: queued(redis_url) > 300, what="they wait in line again")
    running.stop()
    eventually(lambda: all(call["t1"] for call in simulator.journal()), what="what Cal.com has begun is over")


def test_a_long_queue_that_is_only_slow_is_not_sent_twice(
    settings: Callable[..., dict[str, str]], redis_url: str
) -> None:
    """Fifty thousand messages, an hour old: no evidence that any of them is lost."""
    environment = settings()
    enqueue_booking(request(0))
    with psycopg.connect(environment["DATABASE_URL"]) as conn:  # without time-outs: it takes as long as it takes here
        ids = [number for (number,) in conn.execute(WAITING, {"many": MANY - 1})]
    publish_like_the_first(redis_url, ids[100:])
    before = queued(redis_url)
    assert [rescue_stranded.run()["messages"] for _ in range(3)] == [0, 0, 0]
    assert queued(redis_url) == before == MANY - 100


def publish_like_the_first(url: str, ids: list[int]) -> None:
    """Put a message for each into the queue, in the shape of the one that is there."""
    with redis.Redis.from_url(url) as client:
        [first] = client.lrange(QUEUE, 0, -1)  # type: ignore[misc]  # redis-py's types serve its async client too
        message = json.loads(first)
        _, options, embedded = json.loads(base64.b64decode(message["body"]))
        bodies = (base64.b64encode(json.dumps([[one], options, embedded]).encode()).decode() for one in ids)
        client.lpush(QUEUE, *(json.dumps({**message, "body": body}) for body in bodies))


def queued(url: str) -> int:
    """Count the messages in the bookings' queue."""
    with redis.Redis.from_url(url) as client:
        return int(client.llen(QUEUE))  # type: ignore[arg-type]  # the same

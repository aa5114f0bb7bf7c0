"""How long 1,000 queued bookings stand still whose messages Redis has forgotten, beside fifteen seconds."""

import time
from collections.abc import Iterator
from threading import Event

import redis
from environment import benchmark_environment, some, until
from sqlalchemy import text

from tasks import dependencies
from worker import enqueue_bookings

QUEUED, ALLOWED, ROUNDS = 1000, 15.0, 3
LEFT = text("SELECT count(*) FROM appointments WHERE status = 'pending' AND resends = 0")


def pairs() -> Iterator[dict[str, float]]:
    """Forget them again and again, at a Cal.com that is slow."""
    with benchmark_environment([8], latency=0.5) as ready:
        for turn in range(ROUNDS):
            enqueue_bookings(some(turn * QUEUED, QUEUED))
            with redis.Redis.from_url(ready.redis_url) as client:
                client.flushall()
            begun = time.monotonic()
            until(lambda: _left() == 0, within=90, pause=Event().wait)
            yield {"flushed_queue": (time.monotonic() - begun) / ALLOWED}
            with dependencies.current().engine.begin() as conn:
                conn.execute(text("DELETE FROM appointments WHERE status IN ('pending', 'held')"))


def _left() -> int:
    with dependencies.current().engine.connect() as conn:
        return int(conn.execute(LEFT).scalar_one())

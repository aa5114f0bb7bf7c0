"""Promise 1 at the broker: a message is done when its task is, not when it is taken."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import redis

from tasks.work.publish import TASK
from tests.support.fleet import Fleet, eventually, finals, request
from worker import enqueue_booking

POST = {"method": "POST", "path": "/v2/bookings"}


def unacknowledged(url: str) -> int:
    """Count the bookings' messages that the broker would give to another worker."""
    with redis.Redis.from_url(url) as client:
        return sum(TASK.encode() in message for message in client.hvals("unacked"))  # type: ignore[union-attr]


def test_the_broker_keeps_a_message_until_its_booking_has_moved_on(
    fleet: Callable[..., Fleet], simulator: Any, posts: Callable[[], Counter[str]], redis_url: str
) -> None:
    """While Cal.com is asked a kill costs no message, so that not all hangs on the sweeper."""
    simulator.faults("stall", step="insert", delay=60, match=POST)
    fleet(CALCOM_READ_TIMEOUT="60", CALCOM_DEADLINE="60").worker(concurrency=1)
    asked = enqueue_booking(request(1)).appointment_id
    eventually(posts, what="the call is in flight")

    assert unacknowledged(redis_url) == 1
    simulator.no_faults()
    finals([asked])
    eventually(lambda: unacknowledged(redis_url) == 0, what="acknowledged")

"""Promise 1 at RabbitMQ: a message is done when its task is, not when it is taken."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.promises.brokers import RabbitBroker
from tests.support.fleet import Fleet, eventually, request
from worker import app, enqueue_booking

POST = {"method": "POST", "path": "/v2/bookings"}
SLOW_ANSWERS = {"CALCOM_READ_TIMEOUT": "60", "CALCOM_DEADLINE": "60"}  # a call waits for the test


@pytest.mark.debian_rabbitmq
def test_rabbitmq_keeps_a_message_until_its_booking_has_moved_on(
    fleet: Callable[..., Fleet], simulator: Any, posts: Callable[[], Counter[str]], rabbit_broker: RabbitBroker
) -> None:
    """A worker is killed while Cal.com is asked: another one has the message, so not all hangs on the sweeper."""
    simulator.faults("stall", step="insert", delay=60, match=POST)
    running = fleet(**SLOW_ANSWERS, **rabbit_broker.settings)
    running.worker(concurrency=1)
    enqueue_booking(request(1))
    eventually(posts, what="the call is in flight")
    eventually(lambda: app.control.ping(timeout=1), what="it has sent what it had to say")
    assert rabbit_broker.waiting() == 0

    running.stop()

    eventually(lambda: rabbit_broker.waiting() == 1, what="it is given back")

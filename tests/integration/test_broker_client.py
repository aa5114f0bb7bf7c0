"""What a worker's connection to its broker costs: one client of redis-py for all its messages."""

from contextlib import ExitStack
from typing import Any

import pytest
import redis
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.messaging import Consumer, Producer

import worker.transports.redis  # noqa: F401 - the one under test
from tests.support.fleet import request
from worker import app, enqueue_booking
from worker.console import broker


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the clients that are made from now on."""
    clients: list[Any] = []
    init = redis.Redis.__init__

    def count(self: Any, *arguments: Any, **options: Any) -> None:
        clients.append(self)
        init(self, *arguments, **options)

    monkeypatch.setattr(redis.Redis, "__init__", count)
    return clients


def test_messages_are_published_and_acknowledged_by_one_client(redis_url: str, made: list[Any]) -> None:
    """Kombu makes three clients a booking: to take its message down, to tell of it, and to acknowledge it."""
    assert app.main  # which names the transport
    queue = Queue("some", routing_key="some")
    with ExitStack() as stack:
        connection = stack.enter_context(Connection(redis_url))
        taken: list[Any] = []
        stack.enter_context(Consumer(connection, [queue], on_message=taken.append))
        producer = Producer(connection.default_channel)
        before = 0
        for number in range(5):
            producer.publish([[number], {}, {}], routing_key="some")
            while len(taken) == number:
                connection.drain_events(timeout=5)
            taken[-1].ack()
            before = before or len(made)

        assert [message.payload[0] for message in taken] == [[0], [1], [2], [3], [4]]
        assert len(made) == before, "a message costs no client"
        assert connection.default_channel.client.hlen("unacked") == 0


def test_a_message_goes_to_the_broker_of_its_deployment(settings: Any, redis_url: str) -> None:
    """Also from a process that has sent to another, as a test's or a notebook's."""
    other = f"{redis_url.rpartition('/')[0]}/1"
    for number, address in enumerate((redis_url, other)):
        with redis.Redis.from_url(address) as client:
            client.flushdb()
        settings(CELERY_BROKER_URL=address)
        enqueue_booking(request(number))
    waiting = []
    for address in (redis_url, other):
        with redis.Redis.from_url(address) as client:
            waiting.append(client.llen("bookings"))
            client.flushdb()
    assert waiting == [1, 1]


def test_workers_are_asked_by_the_broker_of_their_deployment(settings: Any, redis_url: str) -> None:
    """Celery's control keeps the connections that it was first used with."""
    for address in (redis_url, f"{redis_url.rpartition('/')[0]}/1"):
        settings(CELERY_BROKER_URL=address)
        assert app.control.mailbox.producer_pool.connections is app.amqp.producer_pool.connections


def test_workers_are_asked_of_a_broker_that_was_started_again(settings: Any, valkey: Any) -> None:
    """The next deployment of this process may have the address of the last one's."""
    settings()
    assert app.control.ping(timeout=0.05) == []
    valkey.kill()
    valkey.recover()
    settings()
    assert app.control.ping(timeout=0.05) == []


def test_a_broker_that_goes_while_it_is_asked_is_an_answer(settings: Any, valkey: Any, monkeypatch: Any) -> None:
    """It told how long its queues are, and was gone when the workers were asked."""
    url = settings()["REDIS_URL"]
    ping = app.control.ping

    def too_late(**options: Any) -> Any:
        valkey.kill()
        return ping(**options)

    monkeypatch.setattr(app.control, "ping", too_late)
    asked = broker.ask(url, ("bookings",), ping=0.05)
    assert (asked.queues, asked.workers) == ({"bookings": 0}, [])
    assert asked.error == "connection refused"

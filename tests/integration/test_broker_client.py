"""What a connection to the broker costs: one client of redis-py for all messages, and no long wait for any broker."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import amqp
import kombu.utils.functional
import pytest
import redis
from kombu.entity import Queue
from kombu.messaging import Consumer, Producer

from db.lifecycle import Status
from tasks.maintenance import sweeper
from tasks.work import publish
from tests.support.fleet import request
from worker import app, enqueue_booking
from worker.console import broker

RABBIT = "amqp://mq.example//"


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
    queue = Queue("some", routing_key="some")
    with ExitStack() as stack:
        connection = stack.enter_context(app.amqp.Connection(redis_url))
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
        assert connection.default_channel.client.keys("[^_]*") == [], "nothing is kept of it"


def test_what_is_not_done_is_given_back_to_come_next_in_its_order(redis_url: str) -> None:
    """A worker that ends has three in hand and one is done; a fourth waits, and came later."""
    queue = Queue("some", routing_key="some")
    with redis.Redis.from_url(redis_url) as client:
        with app.amqp.Connection(redis_url) as connection:
            taken: list[Any] = []
            with Consumer(connection, [queue], on_message=taken.append):
                producer = Producer(connection.default_channel)
                for number in range(3):
                    producer.publish([[number], {}, {}], routing_key="some")
                while len(taken) < 3:
                    connection.drain_events(timeout=5)
                assert client.keys("[^_]*") == [], "nothing is kept of what was taken"
            producer.publish([[3], {}, {}], routing_key="some")
            taken[1].ack()
        with app.amqp.Connection(redis_url) as connection, Consumer(connection, [queue], on_message=taken.append):
            while len(taken) < 6:
                connection.drain_events(timeout=5)

    assert [(message.payload[0], message.headers.get("redelivered", False)) for message in taken[3:]] == [
        ([0], True), ([2], True), ([3], False),
    ]  # fmt: skip


def test_what_cannot_be_given_back_ends_nothing(valkey: Any, redis_url: str) -> None:
    """The broker is gone when a worker ends: the rows are there, and the sweeper sends."""
    queue = Queue("some", routing_key="some")
    connection = app.amqp.Connection(redis_url)
    taken: list[Any] = []
    with Consumer(connection, [queue], on_message=taken.append, no_ack=False):
        Producer(connection.default_channel).publish([[0], {}, {}], routing_key="some")
        while not taken:
            connection.drain_events(timeout=5)
    given = connection.default_channel.qos
    valkey.kill()
    try:
        given.restore_unacked()
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends a worker
        pytest.fail(f"it ends the worker: {error!r}")
    finally:
        valkey.recover()
        connection.release()


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


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_broker_that_is_down_is_tried_once(
    settings: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """A caller waits for no second try: kombu would make it two seconds later."""
    waited: list[float] = []
    monkeypatch.setattr(kombu.utils.functional, "sleep", waited.append)
    settings(CELERY_BROKER_URL=f"{scheme}://127.0.0.1:1//", REDIS_URL=redis_url)
    assert enqueue_booking(request(1)).status is Status.PENDING
    assert waited == []


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


@pytest.fixture
def sent(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return where messages go from now on: by RabbitMQ, were it there."""
    settings()
    places: list[dict[str, Any]] = []
    rabbit = SimpleNamespace(connection=SimpleNamespace(transport=SimpleNamespace(driver_type="amqp")))

    @contextmanager
    def producer(_: str) -> Iterator[Any]:
        yield rabbit

    def send(*_: Any, **given: Any) -> None:
        places.append({name: given[name] for name in ("queue", "exchange", "routing_key") if name in given})

    monkeypatch.setattr(publish, "_producer", producer)
    monkeypatch.setattr(app.amqp, "send_task_message", send)
    return places


def test_on_rabbitmq_a_message_waits_where_no_worker_keeps_it(sent: list[dict[str, Any]]) -> None:
    """In Celery's queues for that, whole seconds; a quorum queue counts what a worker keeps for later."""
    deps: Any = SimpleNamespace(broker_url=RABBIT)
    for countdown in (0, 0.9, 2.7):
        publish.call_later(deps, "tasks.maintenance.release.release_held", "maintenance", countdown=countdown)
    here = {"queue": "maintenance"}
    two = ".".join(f"{2:028b}")
    assert sent == [here, here, {"exchange": "celery_delayed_27", "routing_key": f"{two}.maintenance"}]


@pytest.mark.usefixtures("impatient")
def test_every_question_to_rabbitmq_is_bounded(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may freeze between its greeting and its answer, and no heartbeat is sent meanwhile."""
    url, bounds = settings(CELERY_BROKER_URL=RABBIT)["CELERY_BROKER_URL"], []

    def refuse(connection: Any, *_: Any, **__: Any) -> None:
        bounds.append((connection.read_timeout, connection.write_timeout))
        raise ConnectionRefusedError

    monkeypatch.setattr(amqp.Connection, "connect", refuse)
    assert not sweeper.queue_is_empty(url)
    assert broker.ask(url, ("bookings",)).error
    assert {0 < (bound or 0) <= 1 for pair in bounds for bound in pair} == {True}

"""Who counts a message as done: with Redis the thread that is done with it, with RabbitMQ the consumer's thread."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from worker.transports.consumer import Consumer
from worker.transports.redis import Channel


class Hub:
    """A loop that notes what it is given."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def call_soon(self, callback: Any) -> Any:
        """Note it."""
        self.given.append(callback)
        return callback


class Message:
    """A message of a channel, with the threads that acknowledged it."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.acknowledged: list[int] = []

    def ack_log_error(self, *_given: Any) -> None:
        """Note who does so."""
        self.acknowledged.append(threading.get_ident())


def channel(*, asks: bool, paused: bool = False) -> Channel:
    """Return one of ours, which asks Redis for a message, or not; `paused`: the answer is not to be heard yet."""
    cycle = SimpleNamespace(_paused_brpop={7: ()} if paused else {})
    made = object.__new__(Channel)
    vars(made).update(_in_poll=object() if asks else None, connection=SimpleNamespace(cycle=cycle))
    return made


def acknowledged(message: Message) -> Hub:
    """Acknowledge a message as a worker's request does, and return its loop."""
    consumer: Any = object.__new__(Consumer)
    consumer.hub = hub = Hub()
    consumer.call_soon_ack(message.ack_log_error, "log", ())
    return hub


@pytest.mark.parametrize(("asks", "paused", "woken"), [(True, False, 0), (False, False, 1), (True, True, 1)])
def test_with_redis_the_loop_is_woken_only_if_it_does_not_wait_for_a_message(
    *, asks: bool, paused: bool, woken: int
) -> None:
    """A prefetch that was full has room now, and nobody else would tell the loop; what it does then is to look."""
    message = Message(channel(asks=asks, paused=paused))

    hub = acknowledged(message)

    assert message.acknowledged == [threading.get_ident()]
    assert len(hub.given) == woken
    for callback in hub.given:
        callback()
    assert len(message.acknowledged) == 1


def test_with_rabbitmq_the_loop_acknowledges() -> None:
    """Its client is for one thread."""
    message = Message(SimpleNamespace(is_asking=lambda: True))

    hub = acknowledged(message)

    assert message.acknowledged == []
    [callback] = hub.given
    callback()
    assert len(message.acknowledged) == 1

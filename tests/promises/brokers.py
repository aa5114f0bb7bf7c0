"""The brokers that Celery's messages go by in the tests of the promises, and how each is hurt."""

from contextlib import suppress
from dataclasses import dataclass

import redis
from kombu import Connection
from kombu.transport.native_delayed_delivery import level_name

from tasks.publish import LONGEST_COUNTDOWN, QUEUE, TASK
from worker.celery_app import MAINTENANCE
from worker.local.embedded.server import Server


@dataclass(frozen=True)
class RedisBroker:
    """The Redis that the breaker is in, too."""

    server: Server

    @property
    def settings(self) -> dict[str, str]:
        """What a deployment sets for it: REDIS_URL says it already."""
        return {}

    def wipe(self) -> None:
        """Lose every message."""
        with redis.Redis.from_url(self.server.url) as client:
            client.flushall()

    def waiting(self) -> int:
        """Count the bookings' messages that no worker has taken."""
        with redis.Redis.from_url(self.server.url) as client:
            return int(client.llen(QUEUE))  # type: ignore[arg-type]

    def taken(self) -> int:
        """Count the bookings' messages that it would give to another worker."""
        with redis.Redis.from_url(self.server.url) as client:
            return sum(TASK.encode() in message for message in client.hvals("unacked"))  # type: ignore[union-attr]


@dataclass(frozen=True)
class RabbitBroker:
    """A RabbitMQ; Redis has the breaker only."""

    server: Server

    @property
    def settings(self) -> dict[str, str]:
        """What a deployment sets for it."""
        return {"CELERY_BROKER_URL": self.server.url}

    def clear(self) -> None:
        """Begin without queues of ours; what a worker that was just killed had would come back into them."""
        self.wipe()
        with Connection(self.server.url) as connection:
            for name in (QUEUE, MAINTENANCE):
                connection.default_channel.queue_delete(name)

    def wipe(self) -> None:
        """Lose every message, those that wait for their time, too."""
        with Connection(self.server.url) as connection:
            for name in (QUEUE, MAINTENANCE, *map(level_name, range(int(LONGEST_COUNTDOWN).bit_length()))):
                with suppress(connection.channel_errors), connection.channel() as channel:  # nobody has declared it
                    channel.queue_purge(name)

    def waiting(self) -> int:
        """Count the bookings' messages that no worker has taken."""
        with Connection(self.server.url) as connection:
            return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)


Broker = RedisBroker | RabbitBroker

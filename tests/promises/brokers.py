"""The brokers that Celery's messages go by in the tests of the promises, and how each is hurt."""

from contextlib import suppress
from dataclasses import dataclass

import redis
from kombu import Connection, Queue
from kombu.transport.native_delayed_delivery import level_name

from tasks.work.publish import LONGEST_COUNTDOWN, QUEUE
from tests.support.fleet import eventually
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


@dataclass(frozen=True)
class RabbitBroker:
    """A RabbitMQ; Redis has the breaker only."""

    server: Server

    @property
    def settings(self) -> dict[str, str]:
        """What a deployment sets for it."""
        return {"CELERY_BROKER_URL": self.server.url}

    def clear(self) -> None:
        """Make the queues again: what a worker that was just killed had would come back into the old ones.

        RabbitMQ (4.0) writes the name of a new quorum queue down within a second or two; a node that is killed before
        that has it back without its messages, and neither gives nor takes any more.
        """
        self.wipe()
        with Connection(self.server.url) as connection:
            for name in (QUEUE, MAINTENANCE):
                connection.default_channel.queue_delete(name)
                queue = Queue(name, routing_key=name, queue_arguments={"x-queue-type": "quorum"})
                queue.bind(connection.default_channel).declare()
        eventually(self._are_written_down, what="the queues are written down")

    def _are_written_down(self) -> bool:
        [names] = self.server.work.glob("data/*/quorum/*/names.dets")
        queues = [folder.name for folder in names.parent.iterdir() if folder.is_dir()]
        return all(queue.encode() in names.read_bytes() for queue in queues)

    def wipe(self) -> None:
        """Lose every message, those that wait for their time, too."""
        with Connection(self.server.url) as connection:
            for name in (QUEUE, MAINTENANCE, *map(level_name, range(int(LONGEST_COUNTDOWN).bit_length()))):
                with suppress(connection.channel_errors), connection.channel() as channel:  # nobody has declared it
                    channel.queue_purge(name)

    def forget(self, name: str) -> None:
        """Delete a queue."""
        with Connection(self.server.url) as connection:
            connection.default_channel.queue_delete(name)

    def give_back(self, name: str) -> int:
        """Take the message of a queue and give it back until it is there no more; return how often it came."""
        with Connection(self.server.url) as connection:
            channel, times = connection.default_channel, 0
            while message := channel.basic_get(name):
                channel.basic_reject(message.delivery_tag, requeue=True)
                times += 1
            return times

    def waiting(self) -> int:
        """Count the bookings' messages that no worker has taken."""
        with Connection(self.server.url) as connection:
            return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)


Broker = RedisBroker | RabbitBroker

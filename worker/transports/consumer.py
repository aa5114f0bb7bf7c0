"""Celery's consumer: with Redis, the thread that is done with a message counts it as done by itself."""

from typing import Any

from celery.worker import consumer

from worker.transports.redis import Channel


class Consumer(consumer.Consumer):  # type: ignore[misc]  # Celery ships no types
    """Acknowledge without a hop to the consumer's thread, which is woken only if it has something to fetch by now.

    With Redis to acknowledge is to count, in this process alone. RabbitMQ's client is for the consumer's thread only.
    """

    def call_soon_ack(self, p: Any, *given: Any, **options: Any) -> Any:
        """Acknowledge, or reject, a message."""
        channel = p.__self__.channel
        if self.hub is None or not isinstance(channel, Channel):
            return super().call_soon_ack(p, *given, **options)
        p(*given, **options)
        if not channel.is_asking():
            self.hub.call_soon(_look)
        return p


def _look() -> None:
    """Do nothing: the loop looks for itself what there is room for."""

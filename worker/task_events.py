"""The events of tasks, for Flower: a worker publishes them together, a few times a second.

Celery keeps them for one turn of its loop, which is one task or two: three events a booking, each with a wake-up of the
loop and most with a round trip of their own.
"""

from typing import Any

from celery import bootsteps
from celery.app import events
from celery.events.dispatcher import EventDispatcher

from worker.version import version

EVERY = 0.2  # seconds
AT_MOST = 200  # events in one message
PATIENCE = 0.2  # seconds that a task waits while another thread publishes


class GroupingDispatcher(EventDispatcher):  # type: ignore[misc]  # Celery ships no types
    """Keep the events of tasks until `flush`; what a worker kept outlives its connection to the broker."""

    def __init__(self, *connection: Any, **options: Any) -> None:
        self.about: dict[str, Any] = {}
        if options.get("buffer_group"):
            options |= {"buffer_limit": AT_MOST, "on_send_buffered": None}
        super().__init__(*connection, **options)

    def extend_buffer(self, other: "GroupingDispatcher") -> None:
        """Take over what the last connection's dispatcher had not published; Celery's own does not take the groups."""
        super().extend_buffer(other)
        for group, kept in other._group_buffer.items():  # noqa: SLF001 - of our own class
            self._group_buffer[group].extend(kept)

    def send(self, type: str, *options: Any, **fields: Any) -> Any:  # noqa: A002 - theirs
        """Send an event; a worker's own also say how many threads it has, and which release it is."""
        if type.startswith("worker-"):
            fields = {**self.about, **fields}
        return super().send(type, *options, **fields)

    def publish(self, type: str, fields: dict[str, Any], producer: Any, **options: Any) -> Any:  # noqa: A002 - theirs
        """Publish with the caller's producer; what this worker keeps is older, and is published first."""
        if self.app.events.kept is not None:
            self.app.events.kept.publish_kept(producer)
        return super().publish(type, fields, producer, **options)

    def publish_kept(self, producer: Any) -> None:
        """Publish what is kept with this producer; what fails is kept for the next `flush`."""
        if not self.mutex.acquire(timeout=PATIENCE):
            return
        try:
            for group, kept in self._group_buffer.items():
                if batch := list(kept):
                    self._publish(batch, producer, f"{group}.multi")
                    del kept[: len(batch)]  # others add to it meanwhile
        finally:
            self.mutex.release()


class Events(events.Events):  # type: ignore[misc]  # the same
    """Celery's `app.events`, with our dispatcher, and the one of this process's worker (None: it is no worker)."""

    dispatcher_cls = "worker.task_events:GroupingDispatcher"
    kept: GroupingDispatcher | None = None


class PublishEvents(bootsteps.StartStopStep):  # type: ignore[misc]  # the same
    """Publish what the worker's dispatcher keeps, `EVERY` so often and at the end."""

    requires = ("celery.worker.consumer.events:Events",)  # started after it, shut down before it

    def __init__(self, consumer: Any, **options: Any) -> None:
        self._timer: Any = None
        super().__init__(consumer, **options)

    def start(self, consumer: Any) -> None:
        """Begin to publish with a connection's dispatcher."""
        dispatcher = consumer.app.events.kept = consumer.event_dispatcher
        dispatcher.about = {"threads": getattr(consumer.pool, "limit", None), "release": version()}
        self._timer = consumer.timer.call_repeatedly(EVERY, dispatcher.flush)

    def stop(self, consumer: Any) -> None:
        """End with the connection; tasks under way still send events."""
        if self._timer is not None:
            consumer.timer.cancel(self._timer)

    def shutdown(self, consumer: Any) -> None:
        """Publish the last tasks' events."""
        consumer.app.events.kept = None
        if consumer.event_dispatcher is not None:
            consumer.event_dispatcher.flush()

"""Listen as Flower does: its own state of events, fed with what a fleet really sends."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery.events import EventReceiver
from flower.events import EventsState
from flower.options import options

from worker import app


def fresh_state() -> EventsState:
    """Return the state of a Flower that has just started, with the limits of its own options."""
    return EventsState(max_workers_in_memory=options.max_workers, max_tasks_in_memory=options.max_tasks)


@dataclass
class Heard:
    """What was told: Flower's state after it, the stream itself, and the states that each task went through."""

    state: EventsState = field(default_factory=fresh_state)
    stream: list[dict[str, Any]] = field(default_factory=list)
    states: dict[str, list[str]] = field(default_factory=dict)

    def hear(self, event: dict[str, Any]) -> None:
        """Take an event as Flower's thread does."""
        self.stream.append(dict(event))
        self.state.event(event)
        task = self.state.tasks.get(event.get("uuid"))
        if task is not None and self.states.setdefault(task.uuid, [""])[-1] != task.state:
            self.states[task.uuid].append(task.state)

    @property
    def names(self) -> set[str | None]:
        """Return the names of the tasks that Flower lists; None: all that it knows of one is its id."""
        return {task.name for task in self.state.tasks.values()}


@contextmanager
def listening() -> Iterator[Heard]:
    """Listen until the end of the block."""
    heard = Heard()
    connection = app.connection_for_read()
    receiver = EventReceiver(connection, handlers={"*": heard.hear}, app=app)
    thread = threading.Thread(target=receiver.capture, kwargs={"limit": None, "wakeup": False}, daemon=True)
    thread.start()
    yield heard
    receiver.should_stop = True  # it looks within a second, or at the next heartbeat
    thread.join(10)
    connection.release()
    if thread.is_alive():
        raise RuntimeError("the listener does not end")


def repeat(stream: list[dict[str, Any]], state: EventsState, turns: range, *, seconds: float) -> None:
    """Feed a stream of so many seconds in each of these turns, with tasks of its own and at its own hour."""
    ticks = 1 + max(event["clock"] for event in stream)
    for turn in turns:
        for event in stream:
            later = {name: event[name] + turn * seconds for name in ("timestamp", "local_received")}
            task = {"uuid": f"{event['uuid']}-{turn}"} if "uuid" in event else {}
            state.event({**event, **later, **task, "clock": event["clock"] + turn * ticks})

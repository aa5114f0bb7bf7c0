"""The events of tasks go together, in the order in which they were told, and none is lost."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery

from worker.task_events import AT_MOST, PublishEvents
from worker.version import version


class Broker:
    """What was published, a list of events a message; `down` refuses all."""

    def __init__(self) -> None:
        self.down = False
        self.messages: list[list[str]] = []

    def publish(self, body: Any, **_: Any) -> None:
        """Keep a message; one event, or several."""
        if self.down:
            raise OSError("the broker is down")
        events = body if isinstance(body, list) else [body]
        self.messages.append([event["type"] for event in events])


@pytest.fixture
def app() -> Celery:
    """Return an application with our dispatcher."""
    return Celery("a worker", broker="memory://", events="worker.task_events:Events", set_as_current=False)


@pytest.fixture
def broker() -> Broker:
    """Return a broker that keeps all it is sent."""
    return Broker()


@pytest.fixture
def dispatcher(app: Celery, broker: Broker) -> Any:
    """Return a worker's dispatcher."""
    return connected(app, broker)


def connected(app: Celery, broker: Broker) -> Any:
    """Return a dispatcher as Celery's worker makes it."""
    made = app.events.Dispatcher(app.connection(), buffer_group=["task"], on_send_buffered=lambda: pytest.fail("woken"))
    made.producer = broker
    return made


class Consumer:
    """As much of Celery's consumer as our step sees."""

    def __init__(self, app: Celery, dispatcher: Any) -> None:
        self.app, self.event_dispatcher = app, dispatcher
        self.pool = SimpleNamespace(limit=7)
        self.planned: list[Any] = []
        self.timer = SimpleNamespace(call_repeatedly=self._plan, cancel=self.planned.remove)

    def _plan(self, _: float, call: Any) -> Any:
        self.planned.append(call)
        return call


def test_events_of_tasks_go_in_one_message(dispatcher: Any, broker: Broker) -> None:
    """Three a booking, each a round trip and a turn of the loop, cost as much as the booking's statements."""
    told = [f"task-{number}" for number in range(AT_MOST - 1)]
    for kind in told:
        dispatcher.send(kind, uuid="1")
    assert broker.messages == []

    dispatcher.flush()
    dispatcher.flush()

    assert broker.messages == [told]


def test_many_events_are_not_kept(dispatcher: Any, broker: Broker) -> None:
    """A burst must not become one huge message."""
    for _ in range(AT_MOST):
        dispatcher.send("task-started", uuid="1")

    assert [len(message) for message in broker.messages] == [AT_MOST]


def test_a_worker_tells_of_itself_at_once(dispatcher: Any, broker: Broker) -> None:
    """A heartbeat that waits makes a worker look dead."""
    dispatcher.send("worker-heartbeat")

    assert broker.messages == [["worker-heartbeat"]]


def test_what_a_task_tells_itself_comes_after_what_was_told_of_it(app: Celery, dispatcher: Any, broker: Broker) -> None:
    """HELD before RECEIVED would be shown as RECEIVED for ever."""
    own = Broker()
    PublishEvents(None).start(Consumer(app, dispatcher))
    dispatcher.send("task-received", uuid="1")
    dispatcher.send("task-started", uuid="1")

    app.events.Dispatcher(enabled=False).publish("task-held", {"uuid": "1"}, own)
    dispatcher.flush()

    assert own.messages == [["task-received", "task-started"], ["task-held"]]
    assert broker.messages == []


def test_what_a_task_cannot_tell_itself_is_kept(app: Celery, dispatcher: Any, broker: Broker) -> None:
    """A broker that is down costs no event but the task's own."""
    own = Broker()
    own.down = True
    PublishEvents(None).start(Consumer(app, dispatcher))
    dispatcher.send("task-started", uuid="1")

    with pytest.raises(OSError, match="down"):
        app.events.Dispatcher(enabled=False, buffer_while_offline=False).publish("task-held", {"uuid": "1"}, own)
    dispatcher.flush()

    assert broker.messages == [["task-started"]]


def test_the_next_connection_publishes_what_the_last_one_kept(app: Celery, dispatcher: Any, broker: Broker) -> None:
    """Celery takes over what failed, and forgets what was still to be tried."""
    broker.down = True
    dispatcher.send("task-received", uuid="1")
    dispatcher.flush()
    dispatcher.send("task-started", uuid="1")

    broker.down = False
    following = connected(app, broker)
    following.extend_buffer(dispatcher)
    following.flush()

    assert broker.messages == [["task-received"], ["task-started"]]


def test_the_last_events_are_published_before_a_worker_ends(app: Celery, dispatcher: Any, broker: Broker) -> None:
    """The pool ends after the loop: SUCCESS of the last tasks is told when no timer runs any more."""
    step, consumer = PublishEvents(None), Consumer(app, dispatcher)
    step.start(consumer)
    assert consumer.planned == [dispatcher.flush]
    step.stop(consumer)
    assert consumer.planned == []
    dispatcher.send("task-succeeded", uuid="1")  # the pool ends after the loop

    step.shutdown(consumer)

    assert broker.messages == [["task-succeeded"]]
    assert app.events.kept is None


def test_a_workers_own_events_say_its_threads_and_its_release(app: Celery, dispatcher: Any) -> None:
    """As Flower's page of workers shows them; the events of tasks carry nothing more than before."""
    sent: list[dict[str, Any]] = []
    dispatcher.producer = SimpleNamespace(publish=lambda body, **_: sent.append(body))
    PublishEvents(Consumer(app, dispatcher)).start(Consumer(app, dispatcher))

    dispatcher.send("worker-heartbeat", active=2)
    dispatcher.send("task-started", uuid="one")
    dispatcher.flush()

    [heartbeat, tasks] = sent
    assert (heartbeat["active"], heartbeat["threads"], heartbeat["release"]) == (2, 7, version())
    assert not {"threads", "release"} & tasks[0].keys()

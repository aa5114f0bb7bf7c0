"""A pool of threads with lanes: as many tasks at once as it is told, but for those that only write their end."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.host import lane
from tasks.host.lane_pool import LanePool
from tests.running.waiting import eventually

Pool = Callable[[str], LanePool]


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Return what makes a pool of two lanes, with this broker."""
    made: list[LanePool] = []

    def make(broker: str) -> LanePool:
        made.append(LanePool(2, app=SimpleNamespace(conf=SimpleNamespace(broker_url=broker))))
        return made[-1]

    yield make
    for one in made:
        one.on_stop()


class Tasks:
    """Tasks of a pool, each of which stands where it is until the test says otherwise."""

    def __init__(self, pool: LanePool) -> None:
        self.pool = pool
        self.begun: list[int] = []
        self.acknowledged: list[int] = []
        self.leave = [threading.Event() for _ in range(4)]
        self.end = [threading.Event() for _ in range(4)]

    def run(self, number: int) -> None:
        """Begin, leave the lane, end."""
        self.begun.append(number)
        assert self.leave[number].wait(30)
        if not self.end[number].is_set():
            lane.leave()
            assert self.end[number].wait(30)

    def start(self, number: int) -> Any:
        """Have the pool run one, as a worker's request does."""
        request = Request(partial_of(self.acknowledged, number))
        return self.pool.on_apply(self.run, (number,), callback=request.on_success, accept_callback=lambda *_: None)


class Request:
    """As much of Celery's request as a pool sees."""

    def __init__(self, acknowledge: Callable[[], None]) -> None:
        self.acknowledge = acknowledge

    def on_success(self, *_: Any) -> None:
        """Take the result."""


def partial_of(acknowledged: list[int], number: int) -> Callable[[], None]:
    """Return what notes that a message is acknowledged."""
    return lambda: acknowledged.append(number)


def test_a_task_that_left_its_lane_lets_the_next_one_in(pool: Pool) -> None:
    """As many as there are lanes, and one more once one of them only writes its end; its message is done with Redis."""
    tasks = Tasks(pool("redis://here/0"))
    running = [tasks.start(number) for number in range(3)]
    eventually(lambda: len(tasks.begun) == 2, what="both lanes are taken")
    assert tasks.acknowledged == []

    tasks.leave[0].set()
    eventually(lambda: sorted(tasks.begun) == [0, 1, 2], what="the third has its lane")
    assert tasks.acknowledged == [0]
    assert not running[0].f.done()

    for event in (*tasks.end, *tasks.leave):
        event.set()
    for one in running:
        one.get(30)
    assert tasks.acknowledged == [0], "what ends in its lane is acknowledged by Celery"


def test_a_lane_that_was_left_is_not_given_back_twice(pool: Pool) -> None:
    """Else there would be one lane more after each booking."""
    tasks = Tasks(pool("redis://here/0"))
    for event in tasks.leave:
        event.set()
    tasks.end[0].set()
    tasks.start(0).get(30)  # ended in its lane
    tasks.end[1].clear()
    first = tasks.start(1)
    eventually(lambda: tasks.acknowledged == [1], what="it has left its lane")
    tasks.end[1].set()
    first.get(30)

    assert tasks.pool._lanes._value == 2  # type: ignore[attr-defined]  # noqa: SLF001 - a semaphore does not tell it


def test_rabbitmq_keeps_the_message_of_a_task_that_left_its_lane(pool: Pool) -> None:
    """Until its booking has moved on."""
    tasks = Tasks(pool("amqp://here//"))
    running = [tasks.start(number) for number in range(3)]
    eventually(lambda: len(tasks.begun) == 2, what="both lanes are taken")
    tasks.leave[0].set()
    eventually(lambda: len(tasks.begun) == 3, what="the third has its lane")
    assert tasks.acknowledged == []
    for event in (*tasks.end, *tasks.leave):
        event.set()
    for one in running:
        one.get(30)


def test_a_thread_without_a_lane_may_leave_it() -> None:
    """A caller's own thread, or a pool without lanes."""
    lane.leave()
    assert not lane.give_back()

"""The judge: what the simulator holds against what our rows say. And the brokers that Celery's users have."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from db.lifecycle import Status
from tasks.enqueue import Outcome
from tasks.work import publish
from tests.promises.brokers import Broker, RabbitBroker, RedisBroker
from tests.support.rabbit import Rabbit, rabbit
from worker.local.embedded import Guard


@pytest.fixture
def booked(simulator: Any) -> Callable[[], Counter[str]]:
    """Count what Cal.com holds for each of our references, seats included."""
    return lambda: Counter(mark for booking in simulator.bookings() for mark in booking["references"])


@pytest.fixture
def posts(simulator: Any) -> Callable[[], Counter[str]]:
    """Count the POSTs that Cal.com was sent for each of our references."""
    return lambda: Counter(entry["reference"] for entry in simulator.journal() if entry["method"] == "POST")


@pytest.fixture
def judge(simulator: Any, booked: Callable[[], Counter[str]]) -> Callable[[dict[int, Outcome]], None]:
    """Fail when a booking is not confirmed, its uid is not Cal.com's, or anything is there twice."""

    def check(ends: dict[int, Outcome]) -> None:
        assert {one.status for one in ends.values()} == {Status.CONFIRMED}
        assert Counter(booked().values()) == {1: len(ends)}
        assert {one.calcom_booking_uid for one in ends.values()} == {one["uid"] for one in simulator.bookings()}

    return check


@pytest.fixture(scope="session")
def session_rabbit() -> Iterator[Rabbit]:
    """Run the session's RabbitMQ (debian_rabbitmq), which takes ten seconds to start."""
    with Guard() as guard:
        yield rabbit(guard)


@pytest.fixture
def rabbit_broker(session_rabbit: Rabbit, monkeypatch: pytest.MonkeyPatch) -> Iterator[RabbitBroker]:
    """Hand out a RabbitMQ without messages; it runs again afterwards."""
    monkeypatch.setattr(publish, "_local", threading.local())  # its connection may be to a node that was killed since
    made = RabbitBroker(session_rabbit)
    made.clear()
    yield made
    session_rabbit.recover()


@pytest.fixture(params=["Redis", pytest.param("RabbitMQ", marks=pytest.mark.debian_rabbitmq)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Hand out an empty broker of each kind."""
    if request.param == "RabbitMQ":
        made: RabbitBroker = request.getfixturevalue("rabbit_broker")
        return made
    request.getfixturevalue("redis_url")
    return RedisBroker(request.getfixturevalue("valkey"))

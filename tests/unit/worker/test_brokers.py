"""What Celery is told of its broker: RabbitMQ, or Redis behind Sentinels; and what ends a command of its."""

import click
import pytest

from worker.celery_app import Configuration
from worker.settings.model import Settings, SettingsError

RABBIT = "amqp://mq.example//"
CLUSTER = "redis+cluster://redis.example:6379"


def configuration(**given: str) -> Configuration:
    """Return what Celery is given with these settings."""
    made = Configuration()
    made.settings = Settings.load(**given)
    return made


@pytest.mark.parametrize("url", [RABBIT, "amqps://mq.example//", "pyamqp://mq.example//"])
def test_on_rabbitmq_queues_are_quorum_queues_and_each_message_is_confirmed(url: str) -> None:
    """What it has told us that it has outlives the node that has it."""
    made = configuration(celery_broker_url=url)
    assert {queue.name: queue.queue_arguments for queue in made.task_queues} == {
        "bookings": {"x-queue-type": "quorum"},
        "maintenance": {"x-queue-type": "quorum"},
        "callbacks": {"x-queue-type": "quorum"},
    }
    assert made.broker_transport_options == {"confirm_publish": True}


def test_on_rabbitmq_what_has_waited_comes_to_its_queue() -> None:
    """Celery's exchange of messages whose time has come knows each queue by the end of their key."""
    waited = [
        (bound.exchange.name, bound.routing_key)
        for queue in configuration(celery_broker_url=RABBIT).task_queues
        for bound in queue.bindings
    ]
    assert waited == [("celery_delayed_delivery", f"#.{name}") for name in ("bookings", "maintenance", "callbacks")]


def test_on_redis_queues_are_plain() -> None:
    """It knows no arguments, and its options are its own."""
    made = configuration(redis_url="redis://redis.example")
    assert [(queue.queue_arguments, queue.bindings) for queue in made.task_queues] == [(None, set())] * 3
    assert "confirm_publish" not in made.broker_transport_options


@pytest.mark.parametrize(("option", "name"), [("", "mymaster"), ("?master_name=bookings", "bookings")])
def test_sentinels_are_asked_for_the_master_by_its_name(option: str, name: str) -> None:
    """Whichever of the two settings names them."""
    for url in ("redis_url", "celery_broker_url"):
        made = configuration(**{"redis_url": "redis://redis.example", url: f"sentinel://one;sentinel://two{option}"})
        assert made.broker_transport_options.get("master_name") == name


def test_a_wrong_setting_ends_a_command_of_celerys_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that imports the application gets an error of ours."""
    monkeypatch.setenv("REDIS_URL", CLUSTER)
    with pytest.raises(SettingsError, match="a Redis Cluster cannot be Celery's broker"):
        _ = Configuration().broker_url
    with click.Context(click.Command("worker")), pytest.raises(Exception, match=r"^REDIS_URL: a Redis Cl") as ended:
        _ = Configuration().broker_url
    assert isinstance(ended.value, click.ClickException)

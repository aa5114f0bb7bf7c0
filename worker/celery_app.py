"""The Celery application: `celery -A worker worker|beat|flower`.

Why each choice differs from Celery's default stands beside it. The settings are read when the configuration is first
asked for, so importing `worker` never fails and never connects.
"""

import sys
from functools import cached_property
from types import MappingProxyType
from typing import Any

from kombu.entity import Exchange, Queue, binding
from kombu.transport.native_delayed_delivery import CELERY_DELAYED_DELIVERY_EXCHANGE

from tasks.host.application import app
from worker.running import running
from worker.settings.model import Settings, SettingsError
from worker.transports.connection import close_pools

BOOKINGS = "bookings"
CALLBACKS = "callbacks"  # apart, so that a receiver that hangs delays no booking
MAINTENANCE = "maintenance"  # apart, so that 64 hanging calls cannot delay release, sweep and aggregation


class BoundQueue(Queue):
    """A queue that is there when it is bound.

    A worker binds the queues of others, too, and Celery (5.7) calls it critical that one is not there yet.
    """

    def bind_to(self, *exchange: Any, **options: Any) -> Any:
        """Bind it, declared."""
        self.queue_declare(channel=options.get("channel"))  # type: ignore[no-untyped-call]  # kombu's types are in part
        return super().bind_to(*exchange, **options)  # type: ignore[no-untyped-call]  # the same


class Configuration:
    """Give Celery its configuration, attribute by attribute, from our settings."""

    @cached_property
    def settings(self) -> Settings:
        """Return the settings of this process; wrong ones end a command of Celery's in lines that say what is wrong."""
        try:
            return running(Settings.load())
        except SettingsError as error:
            click = sys.modules.get("click")  # which Celery's commands are made with
            if click and click.get_current_context(silent=True):
                raise click.ClickException(str(error)) from None
            raise

    @cached_property
    def broker_url(self) -> str:
        """Return the broker's URL."""
        return self.settings.broker_url or ""

    @cached_property
    def broker_transport_options(self) -> dict[str, Any]:
        """Return what the transport needs: RabbitMQ confirms what it is sent."""
        if not self.broker_url.startswith(("redis", "valkey", "sentinel")):
            return {"confirm_publish": True}
        master = self.settings.broker_master_name
        return {
            **({"master_name": master} if master else {}),
            "socket_keepalive": True,
            "socket_connect_timeout": 5,
            "health_check_interval": 10,
        }

    @cached_property
    def task_queues(self) -> list[Queue]:
        """Return the queues; on RabbitMQ they are replicated, and what waited elsewhere for its time comes to them."""
        names = (BOOKINGS, MAINTENANCE, CALLBACKS)
        if not self.broker_url.startswith(("amqp", "pyamqp")):
            return [Queue(name, Exchange(name), name) for name in names]
        waited, lasting = Exchange(CELERY_DELAYED_DELIVERY_EXCHANGE, type="topic"), {"x-queue-type": "quorum"}
        return [  # without an exchange: kombu drops it where there are bindings, and each message names its queue
            BoundQueue(name, routing_key=name, bindings=[binding(waited, f"#.{name}")], queue_arguments=lasting)  # type: ignore[no-untyped-call]  # the same
            for name in names
        ]

    @cached_property
    def beat_schedule(self) -> dict[str, dict[str, Any]]:
        """Return what beat sends, and how often."""
        from worker.schedule import schedule  # noqa: PLC0415 - it loads SQLAlchemy, and beat alone asks

        return schedule(self.settings.audit_hour)

    include = (
        "tasks.audit.nightly",
        "tasks.incidents.delivery",
        "tasks.booking",
        "tasks.calcom_webhooks.looks",
        "tasks.callbacks.deliver",
        "tasks.callbacks.due",
        "tasks.changes.late_lookups",
        "tasks.maintenance.asked_again",
        "tasks.maintenance.booking_minutes",
        "tasks.ticks.due",
        "tasks.maintenance.failure_metrics",
        "tasks.incidents.check",
        "tasks.maintenance.held",
        "tasks.maintenance.release",
        "tasks.maintenance.late_lookups",
        "tasks.maintenance.recovery",
        "tasks.maintenance.prune",
        "tasks.maintenance.sweeper",
        "tasks.maintenance.breaker_transitions",
    )
    task_default_queue = BOOKINGS
    task_routes = MappingProxyType(
        {
            "tasks.booking.*": {"queue": BOOKINGS},
            "tasks.callbacks.deliver.*": {"queue": CALLBACKS},
            "tasks.changes.changing.*": {"queue": BOOKINGS},
            "tasks.*": {"queue": MAINTENANCE},
        }
    )
    broker_connection_retry_on_startup = True
    broker_connection_max_retries = None  # a broker that is down for an hour must not end the worker
    broker_channel_error_retry = True  # nor one that answers that it takes nothing: a replica by now, a full disk
    task_acks_late = True  # a message is done when its task is, not when it is taken
    task_reject_on_worker_lost = True
    worker_prefetch_multiplier = 1  # what a worker takes and does not run is lost for a while when it dies
    worker_cancel_long_running_tasks_on_connection_loss = False  # a call that was sent is worth waiting for
    worker_soft_shutdown_timeout = 10.0
    worker_enable_soft_shutdown_on_idle = False
    task_serializer = "json"
    accept_content = ("json",)  # pickle would let a message run code
    task_ignore_result = True  # the row is the result
    result_backend = None
    worker_send_task_events = True  # Flower
    task_send_sent_event = False  # a worker reports a task within milliseconds, and this costs as much as its message
    worker_hijack_root_logger = False  # worker/logs.py has the root logger
    beat_scheduler = "celery.beat:Scheduler"  # every periodic task is idempotent: no state file to keep
    beat_max_loop_interval = 1
    timezone = "UTC"


app.amqp_cls = "worker.transports.connection:AMQP"
app.events_cls = "worker.task_events:Events"
app.log_cls = "worker.logs:Logging"
app.config_from_object(Configuration())


def reconfigure(settings: Settings | None = None) -> None:
    """Configure the application again, from these settings or the environment; the old broker is not sent to again."""
    configuration = Configuration()
    if settings is not None:
        configuration.settings = settings
    app.config_from_object(configuration)
    # Its pools are connected to the old one, or to one of the same address that was started again. `app.close()` would
    # forget the application, too.
    close_pools()
    app.forget_connections()

"""Celery's signals that concern the process: logging is ours, in workers, beat and Flower alike; Revoke cancels."""

from typing import Any

from celery.signals import (
    setup_logging,
    worker_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)

from tasks import dependencies
from tasks.log import Logger
from worker.running import running
from worker.settings.model import Settings


@setup_logging.connect
def take_over_logging(**_: Any) -> None:
    """Configure our logs; that a receiver exists keeps Celery from configuring its own."""
    from worker.logs import configure  # noqa: PLC0415 - a caller's logs are its own

    configure(Settings.load())


@worker_init.connect
def make_revoke_cancel(**_: Any) -> None:
    """Put our `revoke` in the place of Celery's; only a worker loads Celery's control commands."""
    import tasks.operations.revoke  # noqa: F401, PLC0415 - see above


@worker_init.connect
def publish_events_together(sender: Any, **_: Any) -> None:
    """Have the events of tasks published a few times a second; only a worker loads Celery's steps."""
    from worker.task_events import PublishEvents  # noqa: PLC0415 - see above

    sender.app.steps["consumer"].add(PublishEvents)


@worker_init.connect
def tell_strange_settings(**_: Any) -> None:
    """Say once which names of the environment or .env are no settings."""
    for line in Settings.misspelt():
        Logger("settings").warning("strange_setting", said=line)


@worker_ready.connect
def watch_beat(**_: Any) -> None:
    """Watch for a beat that has died."""
    from worker import heartbeat  # noqa: PLC0415 - only a worker watches

    heartbeat.start()


@worker_ready.connect
def serve_metrics(sender: Any, **_: Any) -> None:
    """Serve Prometheus where the health check runs, if METRICS_ADDRESS says at which address."""
    settings = Settings.load()
    if settings.metrics_address and _checks_health(sender.app):
        from worker.metrics import collector, server  # noqa: PLC0415 - only that worker serves
        from worker.own_connections import with_own_connections  # noqa: PLC0415 - the same

        url = running(settings).database_url or ""
        deps = with_own_connections(dependencies.current(), url, connections=2, patience=collector.PATIENCE)
        server.serve(deps, settings.metrics_address)


@worker_ready.connect
def send_traces(sender: Any, **_: Any) -> None:
    """Send traces from where the health check runs, if a collector is named."""
    if Settings.sends_traces() and _checks_health(sender.app):
        from worker.tracing import export  # noqa: PLC0415 - only that worker sends

        export.start(dependencies.current().autocommit)


@worker_ready.connect
def listen_to_clients(sender: Any, **_: Any) -> None:
    """Publish what clients keep, where the health check runs; every worker's sweeper is the net."""
    if _checks_health(sender.app):
        from worker import dispatcher  # noqa: PLC0415 - only that worker dispatches

        settings = running(Settings.load())
        dispatcher.start(dependencies.current(), settings.database_direct_url or settings.database_url or "")


def _checks_health(app: Any) -> bool:
    queue: str = app.amqp.router.route({}, "tasks.incidents.check.check_health")["queue"].name
    return queue in app.amqp.queues.consume_from


@worker_shutting_down.connect
def stop_watching_beat(**_: Any) -> None:
    """Say nothing of a beat that ends with us, and publish no more."""
    from worker import dispatcher, heartbeat  # noqa: PLC0415 - the same

    heartbeat.stop()
    dispatcher.stop()


@worker_shutdown.connect
@worker_process_shutdown.connect
def tell_what_was_kept(**_: Any) -> None:
    """Report what was counted last: it may be kept for a second, which is after the end of a process that stops."""
    dependencies.end()

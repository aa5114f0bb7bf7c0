"""What happens when a worker of ours begins and ends: Revoke cancels, beat is watched, metrics are served.

Celery's signals are the whole process's: a worker of a host's application, whose tasks call us, is left as it is.
"""

from typing import Any

from celery.signals import (
    celeryd_after_setup,
    worker_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)

from tasks import dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from worker.running import running
from worker.settings.model import Settings


@worker_init.connect
def begin(sender: Any, **_: Any) -> None:
    """Take part in a worker of our application: what follows is connected here, and nowhere else."""
    if sender.app is not app:
        return
    make_revoke_cancel()
    give_lanes(sender)
    publish_events_together()
    celeryd_after_setup.connect(tell_strange_settings)  # the logs are set up by then
    worker_ready.connect(watch_beat)
    worker_ready.connect(serve_metrics)
    worker_ready.connect(send_traces)
    worker_ready.connect(listen_to_clients)
    worker_shutting_down.connect(stop_watching_beat)
    worker_shutdown.connect(tell_what_was_kept)
    worker_process_shutdown.connect(tell_what_was_kept)


def make_revoke_cancel() -> None:
    """Put our `revoke` in the place of Celery's; only a worker loads Celery's control commands."""
    import tasks.operations.revoke  # noqa: F401, PLC0415 - see above


def give_lanes(worker: Any) -> None:
    """Have a pool of threads run tasks in lanes, which a task may leave before it ends; other pools stay."""
    from celery.concurrency import get_implementation, thread  # noqa: PLC0415 - only a worker has a pool

    from tasks.host.lane_pool import LanePool  # noqa: PLC0415 - the same

    if get_implementation(worker.pool_cls) is thread.TaskPool:
        worker.pool_cls = LanePool


def publish_events_together() -> None:
    """Have the events of tasks published a few times a second; only a worker loads Celery's steps."""
    from worker.task_events import PublishEvents  # noqa: PLC0415 - see above

    app.steps["consumer"].add(PublishEvents)


def tell_strange_settings(**_: Any) -> None:
    """Say once which names of the environment or .env are no settings."""
    for line in Settings.misspelt():
        Logger("settings").warning("strange_setting", said=line)


def watch_beat(**_: Any) -> None:
    """Watch for a beat that has died."""
    from worker import heartbeat  # noqa: PLC0415 - only a worker watches

    heartbeat.start()


def serve_metrics(**_: Any) -> None:
    """Serve Prometheus where the health check runs, if METRICS_ADDRESS says at which address."""
    settings = Settings.load()
    if settings.metrics_address and _checks_health():
        from worker.metrics import collector, server  # noqa: PLC0415 - only that worker serves
        from worker.own_connections import with_own_connections  # noqa: PLC0415 - the same

        url = running(settings).database_url or ""
        deps = with_own_connections(dependencies.current(), url, connections=2, patience=collector.PATIENCE)
        server.serve(collector.FleetCollector(deps), settings.metrics_address)


def send_traces(**_: Any) -> None:
    """Send traces from where the health check runs, if a collector is named."""
    if Settings.sends_traces() and _checks_health():
        from worker.tracing import export  # noqa: PLC0415 - only that worker sends

        export.start(dependencies.current().autocommit)


def listen_to_clients(**_: Any) -> None:
    """Publish what clients store, where the health check runs; every worker's sweeper is the net."""
    if _checks_health():
        from worker import dispatcher  # noqa: PLC0415 - only that worker dispatches

        settings = running(Settings.load())
        dispatcher.start(dependencies.current(), settings.database_direct_url or settings.database_url or "")


def _checks_health() -> bool:
    queue: str = app.amqp.router.route({}, "tasks.incidents.check.check_health")["queue"].name
    return queue in app.amqp.queues.consume_from


def stop_watching_beat(**_: Any) -> None:
    """Say nothing of a beat that ends with us, and publish no more."""
    from worker import dispatcher, heartbeat  # noqa: PLC0415 - the same

    heartbeat.stop()
    dispatcher.stop()


def tell_what_was_kept(**_: Any) -> None:
    """Report what was counted last: it may be kept for a second, which is after the end of a process that stops."""
    dependencies.end()

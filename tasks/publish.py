"""Send a booking's message: an id and nothing else, and never at the price of the row.

A message that cannot be sent is no error here: the row is committed, and the sweeper sends what was never sent.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

from celery import current_task
from kombu.messaging import Producer
from kombu.transport.native_delayed_delivery import MAX_LEVEL, calculate_routing_key, level_name
from kombu.utils.uuid import uuid
from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.appointments import Appointment, Kept
from db.lifecycle import Status
from tasks.dependencies import Dependencies, app
from tasks.log import Logger

# A message with a countdown sits in a worker's memory until it is due, and is lost with it; RabbitMQ has queues for
# that. Longer waits are left to the sweeper, which sends a row when its time has come.
LONGEST_COUNTDOWN = 60.0
TASK, QUEUE = "tasks.booking.book_appointment", "bookings"
CORRELATION, VERSION, RELEASED = "booking_correlation", "booking_version", "booking_released"  # headers
AT_ONCE = "booking_at_once"  # the message before this one failed at the database
MESSAGE_VERSION = 1  # travels as a header, so that old and new workers can run side by side during a deploy

log = Logger(__name__)


# Kombu gives `socket_timeout` to a worker's blocking BRPOP too, so a producer that must fail fast has its own
# connection. In seconds: a frozen broker costs a caller at most about one of them.
_FAIL_FAST = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "socket_keepalive": True, "max_retries": 0}
_FAIL_FAST_AMQP = {"read_timeout": 1, "write_timeout": 1, "max_retries": 0}
_BATCH = 500  # messages that are sent in one round trip: a third of a megabyte
_local = threading.local()


def send(
    deps: Dependencies,
    rows: Iterable[Appointment | Kept],
    *,
    countdown: float | None = None,
    released: bool = False,
    held: bool = False,
) -> bool:
    """Send one message a committed row, over one connection; False when some were left to the sweeper.

    `countdown` is in seconds; `released` says that each of them has a place in the paced release; `held` that Flower
    shows them as HELD, and is told that they go on.
    """
    unsent = _publish(deps, rows, countdown, released=released, held=held or released)
    if unsent:
        try:
            with deps.engine.begin() as conn:
                appointments.mark_unsent(conn, unsent)
        except SQLAlchemyError as exc:  # the mark only spares the sweeper its wait for evidence
            log.warning("mark_unsent_failed", error=type(exc).__name__, rows=len(unsent))
    return not unsent


def _publish(
    deps: Dependencies, rows: Iterable[Appointment | Kept], countdown: float | None, *, released: bool, held: bool
) -> list[int]:
    """Return the ids that were not sent, or of which nobody knows; the rest is not tried, for the broker is down."""
    todo = list(rows)
    sent = 0
    try:
        with _producer(deps.broker_url) as producer:
            size = _BATCH if producer.supports_batch_publish else 1  # else some of a batch that fails were sent
            while part := todo[sent : sent + size]:
                with producer.batch() if len(part) > 1 else nullcontext():
                    for row in part:
                        if held:  # before the message: what is told of the task after it must come after it
                            _tell(producer, "task-retried", row)
                        _send(producer, countdown, **message(row, released=released))
                sent += len(part)
    except Exception as exc:  # noqa: BLE001 - kombu raises its transports' own errors; none may reach the caller
        unsent = [row.id for row in todo[sent:]]
        log.warning("publish_failed", unsent=len(unsent), error=type(exc).__name__, next="the sweeper sends them")
        return unsent
    return []


def _send(producer: Producer, countdown: float | None, *, name: str, args: list[int], queue: str, **given: Any) -> None:
    """Publish a message as `send_task` does, without what it looks up and copies anew for each: a third of its time.

    The queue was declared with the connection; Celery (5.7) would bind a copy of it to each message.
    """
    amqp = app.amqp
    headers = given.pop("headers")
    task = amqp.as_task_v2(
        name=name, args=args, countdown=countdown, argsrepr=str(args), kwargsrepr="{}", ignore_result=True, **given
    )
    place = _place(producer, queue, countdown or 0.0)
    amqp.send_task_message(producer, name, task, **place, headers=headers, declare=[], retry=False)


def _place(producer: Producer, queue: str, countdown: float) -> dict[str, str]:
    """Say where a message goes: by RabbitMQ it waits in Celery's queues for that, and then goes to its own.

    A quorum queue gives a worker no more while it keeps as many as it has threads, be it for later (Celery's
    `send_task` asks for a topic exchange, and knows no part of a second: that is waited for in the worker).
    """
    if countdown < 1 or producer.connection.transport.driver_type != "amqp":
        return {"queue": queue}
    return {"exchange": level_name(MAX_LEVEL), "routing_key": calculate_routing_key(int(countdown), queue)}


def tell(deps: Dependencies, kind: str, row: Appointment, *, hostname: str | None = None) -> None:
    """Tell Flower, and whoever listens, of a booking's task; a broker that is down is not waited for.

    `hostname` is the worker that tells it (None: the one that runs the present task).
    """
    try:
        with _producer(deps.broker_url) as producer:
            if kind == "task-revoked" and row.status is Status.HELD:
                _tell(producer, "task-retried", row, hostname)  # nothing but SUCCESS and RETRY replaces a custom state
            _tell(producer, kind, row, hostname)
    except Exception as exc:  # noqa: BLE001 - as in _publish
        log.info("event_not_sent", kind=kind, error=type(exc).__name__)


def _tell(producer: Producer, kind: str, row: Appointment | Kept, hostname: str | None = None) -> None:
    if hostname is None:
        ours = current_task and current_task.app is app  # a host's worker is none of Flower's
        hostname = current_task.request.hostname if ours else None
    if hostname is None:  # an operator's shell: Flower would list it as a worker
        return
    # With its name, for a Flower that was told nothing of it yet: it has just started, or no worker has had the task.
    fields = {"uuid": row.task_id, "name": TASK, "args": f"[{row.id}]", "retries": row.retry_count}
    _dispatcher(hostname).publish(kind, fields, producer)


@cache
def _dispatcher(hostname: str) -> Any:
    """Return Celery's own writer of events, without a connection: it writes with the producer that it is given."""
    return app.events.Dispatcher(hostname=hostname, enabled=False, buffer_while_offline=False)


def call_later(deps: Dependencies, task: str, queue: str, *, countdown: float) -> None:
    """Have a periodic task run once more, at a moment that beat would miss; beat is the net: a failure is only told."""
    try:
        with _producer(deps.broker_url) as producer:
            _send(producer, countdown, name=task, args=[], queue=queue, task_id=uuid(), headers={})
    except Exception as exc:  # noqa: BLE001 - as in _publish
        log.warning("publish_failed", task=task, error=type(exc).__name__, next="beat runs it")


def send_once_more(deps: Dependencies, request: Any, *, countdown: float, at_once: bool) -> bool:
    """Send the message of a task's request as its next attempt; False: it was not, and the sweeper sends its row."""
    headers = {name: request.get(name) for name in (CORRELATION, VERSION, RELEASED, AT_ONCE)}
    again = {
        "task_id": request.id,
        "retries": request.retries + 1,
        "headers": headers | ({AT_ONCE: True} if at_once else {}),
    }
    try:
        with _producer(deps.broker_url) as producer:
            _send(producer, countdown, name=TASK, args=list(request.args), queue=QUEUE, **again)
    except Exception:  # noqa: BLE001 - as in _publish
        return False
    return True


def message(row: Appointment | Kept, *, released: bool = False) -> dict[str, Any]:
    """Return send_task's arguments for a row: the same task id through retry, hold and release."""
    headers = {CORRELATION: row.correlation_id, VERSION: MESSAGE_VERSION, RELEASED: released}
    return {
        "name": TASK,
        "args": [row.id],
        "task_id": row.task_id,
        "retries": row.retry_count,
        "headers": headers,
        "queue": QUEUE,
    }


@contextmanager
def _producer(url: str) -> Iterator[Producer]:
    """Yield this thread's producer; a connection that failed is dropped, so that the next call starts afresh."""
    producer, fresh, owner = getattr(_local, "producer", None), False, (os.getpid(), url)
    if producer is None or _local.owner != owner:  # first use, another broker, or a child: a socket has one owner
        fail_fast = _FAIL_FAST_AMQP if url.startswith(("amqp", "pyamqp")) else _FAIL_FAST
        options = {**app.conf.broker_transport_options, **fail_fast}
        connection = app.amqp.Connection(url, connect_timeout=0.5, transport_options=options)
        producer = _local.producer = app.amqp.Producer(connection, auto_declare=False)
        _local.owner, fresh = owner, True
    try:
        if fresh:
            producer.maybe_declare(app.amqp.queues[QUEUE])
        yield producer
    except Exception:
        _local.producer = None
        with suppress(Exception):
            producer.connection.collect(socket_timeout=0.1)
        raise

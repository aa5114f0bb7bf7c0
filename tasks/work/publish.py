"""Send a booking's message, which holds an id and nothing else.

A message that cannot be sent is no error: the row is committed, and the sweeper sends its message later.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from typing import Any

from celery import current_task
from kombu.messaging import Producer
from kombu.transport.native_delayed_delivery import MAX_LEVEL, calculate_routing_key, level_name
from kombu.utils.uuid import uuid
from sqlalchemy.exc import SQLAlchemyError

from db.appointments import Appointment, Kept
from db.changes.change import BookingChange
from db.lifecycle import Status
from db.queue import sweeps
from db.queue.kinds import KINDS
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.host.log import Logger

# A message with a countdown waits in a worker's memory, and is lost if that worker dies (RabbitMQ has queues for it).
# Longer waits are left to the sweeper, which sends the message when it is due.
LONGEST_COUNTDOWN = 60.0
TASK, QUEUE = "tasks.booking.book_appointment", "bookings"
CHANGE_TASK = "tasks.changes.changing.change_booking"  # no module by now: workers of older versions know it so
CORRELATION, VERSION, RELEASED = "booking_correlation", "booking_version", "booking_released"  # headers
AT_ONCE = "booking_at_once"  # the attempt before this message failed at the database
MESSAGE_VERSION = 1  # a header, so that old and new workers can run side by side during a deploy

log = Logger(__name__)
Sendable = Appointment | Kept | BookingChange


# Kombu uses `socket_timeout` for a worker's blocking BRPOP, too, so a producer that must fail fast has a connection of
# its own. Times are in seconds: a frozen broker costs a caller about one second.
_FAIL_FAST = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "socket_keepalive": True, "max_retries": 0}
_FAIL_FAST_AMQP = {"read_timeout": 1, "write_timeout": 1, "max_retries": 0}
_BATCH = 500  # messages that are sent in one round trip: a third of a megabyte
_local = threading.local()


def send(
    deps: Dependencies,
    rows: Iterable[Sendable],
    *,
    countdown: float | None = None,
    released: bool = False,
    held: bool = False,
) -> bool:
    """Send one message for each committed row, over one connection; False: some messages are left to the sweeper.

    `countdown` is in seconds. `released`: each row has a place in the release window. `held`: Flower shows
    the rows as HELD, and gets an event which says that they go on.
    """
    unsent = _publish(deps, rows, countdown, released=released, held=held or released)
    if unsent:
        try:
            with deps.engine.begin() as conn:
                for kind in KINDS:
                    sweeps.mark_unsent(conn, kind, [row.id for row in unsent if isinstance(row, kind.row)])
        except SQLAlchemyError as exc:  # the sweeper sends unmarked rows, too, but later
            log.warning("mark_unsent_failed", error=type(exc).__name__, rows=len(unsent))
    return not unsent


def _publish(
    deps: Dependencies, rows: Iterable[Sendable], countdown: float | None, *, released: bool, held: bool
) -> list[Sendable]:
    """Return the rows whose message was not, or perhaps not, sent; after a failure no further send is tried."""
    todo = list(rows)
    sent = 0
    try:
        with _producer(deps.broker_url) as producer:
            size = _BATCH if producer.supports_batch_publish else 1  # one by one: after an error it is known which went
            while part := todo[sent : sent + size]:
                with producer.batch() if len(part) > 1 else nullcontext():
                    for row in part:
                        if held:  # told before the message is sent: the worker's events must come later
                            _tell(producer, "task-retried", row)
                        _send(producer, countdown, **message(row, released=released))
                sent += len(part)
    except Exception as exc:  # noqa: BLE001 - kombu raises its transports' own errors; none may reach the caller
        unsent = todo[sent:]
        log.warning("publish_failed", unsent=len(unsent), error=type(exc).__name__, next="the sweeper sends them")
        return unsent
    return []


def _send(producer: Producer, countdown: float | None, *, name: str, args: list[int], queue: str, **given: Any) -> None:
    """Publish a message as `send_task` does, without the searches and copies that cost `send_task` a third of its time.

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
    """Return the exchange or queue of a message: with RabbitMQ a message with a countdown waits in Celery's own queues.

    In a worker these messages would block its prefetch: a quorum queue delivers no more than the worker has threads.
    (Celery's queues know only whole seconds; for the rest the message waits in the worker.)
    """
    if countdown < 1 or producer.connection.transport.driver_type != "amqp":
        return {"queue": queue}
    return {"exchange": level_name(MAX_LEVEL), "routing_key": calculate_routing_key(int(countdown), queue)}


def tell(deps: Dependencies, kind: str, row: Appointment | BookingChange, *, hostname: str | None = None) -> None:
    """Send Flower an event about a booking's task; the caller does not wait for a broker that is down.

    `hostname` is the worker that sends it (None: the worker that runs the present task).
    """
    try:
        with _producer(deps.broker_url) as producer:
            if kind == "task-revoked" and row.status is Status.HELD:
                _tell(producer, "task-retried", row, hostname)  # only SUCCESS and RETRY replace a custom state
            _tell(producer, kind, row, hostname)
    except Exception as exc:  # noqa: BLE001 - as in _publish
        log.info("event_not_sent", kind=kind, error=type(exc).__name__)


def _tell(producer: Producer, kind: str, row: Sendable, hostname: str | None = None) -> None:
    if hostname is None:
        ours = current_task and current_task.app is app  # Flower knows no worker of a host
        hostname = current_task.request.hostname if ours else None
    if hostname is None:  # an operator's shell, which Flower would list as a worker
        return
    # The task's name is for a Flower that has just started, or for a task that no worker has received yet.
    fields = {"uuid": row.task_id, "name": task_of(row), "args": f"[{row.id}]", "retries": row.retry_count}
    _dispatcher(hostname).publish(kind, fields, producer)


@cache
def _dispatcher(hostname: str) -> Any:
    """Return Celery's event dispatcher without a connection of its own: `publish` is given a producer."""
    return app.events.Dispatcher(hostname=hostname, enabled=False, buffer_while_offline=False)


def call_later(
    deps: Dependencies,
    task: str,
    queue: str,
    *,
    countdown: float,
    args: Sequence[int] = (),
    headers: Mapping[str, float] | None = None,
) -> None:
    """Send a periodic task for a time between two ticks; a failure is only logged, since the next tick runs it."""
    given: dict[str, Any] = {"args": list(args), "queue": queue, "task_id": uuid(), "headers": dict(headers or {})}
    try:
        with _producer(deps.broker_url) as producer:
            _send(producer, countdown, name=task, **given)
    except Exception as exc:  # noqa: BLE001 - as in _publish
        log.warning("publish_failed", task=task, error=type(exc).__name__, next="beat runs it")


def send_once_more(deps: Dependencies, request: Any, *, countdown: float, at_once: bool) -> bool:
    """Send the message of a task's request again as its next attempt; False: that is left to the sweeper."""
    headers = {name: request.get(name) for name in (CORRELATION, VERSION, RELEASED, AT_ONCE)}
    again = {
        "task_id": request.id,
        "retries": request.retries + 1,
        "headers": headers | ({AT_ONCE: True} if at_once else {}),
    }
    try:
        with _producer(deps.broker_url) as producer:
            _send(producer, countdown, name=request.task, args=list(request.args), queue=QUEUE, **again)
    except Exception:  # noqa: BLE001 - as in _publish
        return False
    return True


def message(row: Sendable, *, released: bool = False) -> dict[str, Any]:
    """Return send_task's arguments for a row; a row keeps one task id through retry, hold and release."""
    headers = {CORRELATION: row.correlation_id, VERSION: MESSAGE_VERSION, RELEASED: released}
    return {
        "name": task_of(row),
        "args": [row.id],
        "task_id": row.task_id,
        "retries": row.retry_count,
        "headers": headers,
        "queue": QUEUE,
    }


def task_of(row: Sendable) -> str:
    """Return the name of a row's Celery task."""
    return CHANGE_TASK if isinstance(row, BookingChange) else TASK


@contextmanager
def _producer(url: str) -> Iterator[Producer]:
    """Yield this thread's producer; a failed connection is closed, and the next call opens a new one."""
    producer, fresh, owner = getattr(_local, "producer", None), False, (os.getpid(), url)
    if producer is None or _local.owner != owner:  # first use, another broker, or after a fork
        fail_fast = _FAIL_FAST_AMQP if url.startswith(("amqp", "pyamqp")) else _FAIL_FAST
        options = {**app.conf.broker_transport_options, **fail_fast}
        within = _FAIL_FAST["socket_connect_timeout"]
        connection = app.amqp.Connection(url, connect_timeout=within, transport_options=options)
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

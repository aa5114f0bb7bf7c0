"""Delivery of messages to their sinks, at least once each, and never within the time of a task or a booking.

Messages that are due are claimed and committed first; a thread then sends them, for a bounded time, and records the
answer of each sink: a sink that hangs or fails is tried again alone. If a process dies between sending and recording,
its claim runs out, and that sink receives the message twice.
"""

import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from db.monitoring import deliveries
from db.monitoring.deliveries import Delivery
from tasks import dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask
from tasks.ports.sinks import AlertMessage, Sinks

AT_ONCE = 10  # messages claimed at once
MARGIN = 30.0  # seconds that a claim outlives the sending
FIRST_RETRY, LONGEST_RETRY = 10.0, 300.0  # seconds; each pause is twice the last

log = Logger(__name__)
_sending = threading.Lock()  # one sender in each process: a sink that hangs holds one thread, not one more at each tick


@app.task(base=PeriodicTask, name="tasks.incidents.delivery.send_alerts")
def send_alerts() -> int:
    """Start sending the messages that are due; return how many were claimed."""
    return send()


def send() -> int:
    """Start sending the messages that are due, unless this process already sends; return how many it claimed."""
    sinks = dependencies.current().alerts
    if not sinks.names or not _sending.acquire(blocking=False):
        return 0
    claimed: list[Delivery] = []
    started = False
    try:
        claimed = _claim(sinks)
        if claimed:
            threading.Thread(target=_send_all, args=(sinks, claimed), name="alerts", daemon=True).start()
            started = True
    except SQLAlchemyError as exc:  # an error here must not fail the caller's health check; beat tries again
        log.warning("alerts_not_claimed", error=type(exc).__name__)
    finally:
        if not started:
            _sending.release()
    return len(claimed)


def _send_all(sinks: Sinks, claimed: list[Delivery]) -> None:
    try:
        while claimed:
            _send(sinks, claimed)
            claimed = _claim(sinks)
    except Exception as exc:  # noqa: BLE001 - no caller waits for this thread; claims run out, and beat tries again
        log.warning("alerts_not_sent", error=type(exc).__name__)
    finally:
        _sending.release()


def _claim(sinks: Sinks) -> list[Delivery]:
    with dependencies.current().engine.begin() as conn:
        return deliveries.claim(conn, sinks.names, lease_seconds=sinks.limit + MARGIN, limit=AT_ONCE)


def _send(sinks: Sinks, claimed: Sequence[Delivery]) -> None:
    for place, error in sinks.deliver([(delivery.sink, _message(delivery)) for delivery in claimed]):
        delivery = claimed[place]
        fields: dict[str, Any] = {"incident": delivery.incident_id, "news": delivery.news, "sink": delivery.sink}
        with dependencies.current().engine.begin() as conn:
            if error is None:
                deliveries.sent(conn, delivery)
                log.info("alert_sent", **fields)
                continue
            retry_in = min(FIRST_RETRY * 2.0 ** min(delivery.attempts - 1, 20), LONGEST_RETRY)
            deliveries.failed(conn, delivery, error, retry_in=retry_in)
            log.warning("alert_not_sent", **fields, trouble=error, retry_in=retry_in)


def _message(delivery: Delivery) -> AlertMessage:
    title, _, body = delivery.message.partition("\n")
    return AlertMessage(title, body or title, delivery.resolved)  # Apprise refuses an empty body

"""Pick up what was left lying: lost messages, lost leases, slots that have passed, what nobody has looked for lately.

Idempotent throughout: each statement moves a row only from the state it was seen in, and locks it while it does, so
that any number of beats and workers may run these at once.
"""

import threading
import time

import structlog
from celery import shared_task
from kombu.connection import Connection

from db import appointments
from db.appointments import Appointment
from db.appointments import queue as pacing
from tasks import dependencies
from tasks.maintenance.lost import tell_lost
from tasks.periodic import PeriodicTask
from tasks.publish import QUEUE, send

BATCH = 500
PATIENCE = 5.0  # seconds between a row's commit and its message; or a worker's taking a message and its claim
LEASES_LOST_SUSPECT = 3  # a booking that kills workers must not travel on

log = structlog.get_logger(__name__)
_sending = threading.Lock()


@shared_task(base=PeriodicTask, name="tasks.sweeper.rescue_stranded")
def rescue_stranded() -> dict[str, int]:
    """Take up the rows of dead workers and send again the messages that are gone; return the counts."""
    found = {"leases": _lost_leases(), "messages": _lost_messages()}
    if any(found.values()):
        log.info("rescued", **found)
    return found


@shared_task(base=PeriodicTask, name="tasks.sweeper.expire_held")
def expire_held() -> int:
    """End the bookings whose slot is nearer than the lead and whose outcome is known; return how many.

    And those of which nobody could tell until a day after their slot. Flags those that have been held for long: they
    stay held, and still go through when Cal.com is back.
    """
    with dependencies.current().engine.begin() as conn:
        expired = appointments.expire(conn, lead_seconds=dependencies.current().timings.lead, limit=BATCH)
    if expired:
        log.info("expired", count=len(expired))
    with dependencies.current().engine.begin() as conn:
        given_up = appointments.never_known(conn, BATCH)
    if given_up:
        log.warning("never_known", count=len(given_up))
    _flag_degraded()
    return len(expired)


def _flag_degraded() -> None:
    max_age = dependencies.current().timings.max_age
    if not max_age:
        return
    with dependencies.current().engine.begin() as conn:
        flagged = pacing.flag_degraded(conn, max_age_seconds=max_age, limit=BATCH)
    if flagged:
        log.warning("held_too_long", count=len(flagged), max_age=max_age)


def _lost_leases() -> int:
    with dependencies.current().engine.begin() as conn:
        rows = appointments.lost_leases(
            conn,
            BATCH,
            settle_seconds=dependencies.current().timings.settle_unanswered,
            ends_seconds=dependencies.current().timings.ends_unanswered,
            suspect_after=LEASES_LOST_SUSPECT,
        )
    send(row for row in rows if row.hold_reason is None)
    return len(rows)


def _lost_messages() -> int:
    """Send again what is lost: one look at the queue is evidence for all that was sent `PATIENCE` before it.

    By one thread of a process: when Redis has forgotten a long queue this takes a while, and others must not wait.
    """
    if not _sending.acquire(blocking=False):
        return 0
    try:
        looked_at, empty, count = time.monotonic(), _queue_is_empty(), 0
        while True:
            rows = _take_unsent(queue_empty=empty, patience=PATIENCE + time.monotonic() - looked_at)
            count += len(rows)
            sent = send(rows)
            if sent:
                tell_lost(rows)
            if not sent or len(rows) < BATCH:
                return count
    finally:
        _sending.release()


def _take_unsent(*, queue_empty: bool, patience: float) -> list[Appointment]:
    with dependencies.current().engine.begin() as conn:
        return appointments.unsent(conn, BATCH, queue_empty=queue_empty, patience_seconds=patience)


def _queue_is_empty() -> bool:
    """Ask the broker; one that does not answer proves nothing, so no message counts as lost by this evidence."""
    with Connection(
        dependencies.current().broker_url, connect_timeout=1, transport_options={"socket_timeout": 1}
    ) as connection:
        try:
            queue = connection.default_channel.queue_declare(queue=QUEUE, passive=True)
        except connection.channel_errors as exc:
            return (
                str(getattr(exc, "reply_code", "")) == "404"
            )  # Redis knows no empty queue: it is gone with its last message
        except Exception:  # noqa: BLE001 - each transport raises errors of its own
            return False
    waiting: int = queue.message_count
    return waiting == 0

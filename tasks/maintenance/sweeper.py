"""The sweeper: it sends lost messages again, takes up lost leases, and ends bookings whose slot is too near.

All these steps are idempotent: each statement locks a row and moves it only from the state in which it was read, so
that any number of beats and workers may run these tasks at once.
"""

import threading
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.changes import sweeps as changes
from db.lifecycle import Status
from db.monitoring import incidents, metric_totals
from db.monitoring.incidents import IncidentKind
from db.monitoring.metric_totals import Total
from db.queue import sweeps
from db.queue.kinds import KINDS, RowKind, Worked
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask
from tasks.maintenance.dispatch import dispatch
from tasks.work.publish import QUEUE, send

BATCH = 500
GRACE = 5.0  # the most seconds from a row's commit to its message, or from a message's receipt to the claim
LEASES_LOST_SUSPECT = 3  # a booking that kills its workers must not reach further workers
# How the broker is asked; in seconds, Redis's and RabbitMQ's.
_BOUNDS = {"socket_timeout": 1.0, "read_timeout": 1.0, "write_timeout": 1.0, "max_retries": 0}

log = Logger(__name__)
_sending = threading.Lock()


@app.task(base=PeriodicTask, name="tasks.maintenance.sweeper.rescue_stranded")
def rescue_stranded() -> dict[str, int]:
    """Take up the rows of dead workers and send missing messages, those of clients' rows too; return the counts."""
    deps = dependencies.current()
    found: dict[str, Any] = {"leases": _lost_leases(deps), "changes": _next_changes(deps), "requests": dispatch(deps)}
    asked = _QueueAsked(time.monotonic(), empty=queue_is_empty(deps.broker_url))
    found["messages"] = _lost_messages(deps, asked)
    if any(found.values()):
        log.info("rescued", **found)
    return found


@app.task(base=PeriodicTask, name="tasks.maintenance.sweeper.expire_held")
def expire_held() -> int:
    """End the bookings whose slot is nearer than the lead and whose outcome is known; return how many.

    Also ends bookings whose outcome is still unknown a day after their slot, and flags bookings that have been held
    for long: flagged bookings stay held, and are still released when Cal.com is back.
    """
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        expired = appointments.expire(conn, lead_seconds=deps.timings.lead, limit=BATCH)
    if expired:
        log.info("expired", count=len(expired))
    with deps.engine.begin() as conn:
        given_up = appointments.never_known(conn, BATCH)
    if given_up:
        log.warning("never_known", count=len(given_up))
    with deps.engine.begin() as conn:
        left = changes.expire(conn, lead_seconds=deps.timings.lead, limit=BATCH)
        following = changes.let_next_go(conn, BATCH, left=left) if left else []
    send(deps, following)
    _flag_degraded(deps)
    return len(expired)


def _flag_degraded(deps: Dependencies) -> None:
    max_age = deps.timings.max_age
    if not max_age:
        return
    flagged: list[int] = []
    for kind in KINDS:
        with deps.engine.begin() as conn:
            flagged += sweeps.flag_degraded(conn, kind, max_age_seconds=max_age, limit=BATCH)
    if flagged:
        log.warning("held_too_long", count=len(flagged), max_age=max_age)


def _lost_leases(deps: Dependencies) -> int:
    count = 0
    for kind in KINDS:
        with deps.engine.begin() as conn:
            lost = sweeps.lost_leases(conn, kind, BATCH, suspect_after=LEASES_LOST_SUSPECT, **_times(deps))
        send(deps, (row for row in lost if _goes_now(row)))  # now: an error at the next kind must not keep them back
        count += len(lost)
    return count


def _next_changes(deps: Dependencies) -> int:
    """Let changes go whose turn has come."""
    with deps.engine.begin() as conn:
        following = changes.let_next_go(conn, BATCH)
    send(deps, following)
    return len(following)


def _times(deps: Dependencies) -> dict[str, float]:
    times = deps.timings
    return {
        "settle_seconds": times.settle_unanswered,
        "ends_seconds": times.ends_unanswered,
        "lease_seconds": times.lease,
    }


def _goes_now(row: Worked) -> bool:
    return row.hold_reason is None and row.next_attempt_at is None


class _QueueAsked(NamedTuple):
    """What the broker has said: an empty queue proves that every message sent `GRACE` before is lost."""

    at: float
    empty: bool

    @property
    def patience(self) -> float:
        """Return how many seconds ago such a message was sent at least."""
        return GRACE + time.monotonic() - self.at


def _lost_messages(deps: Dependencies, asked: _QueueAsked) -> int:
    """Send lost messages again.

    One thread of a process does this: when Redis has lost a long queue it takes a while, and other tasks must not wait.
    """
    if not _sending.acquire(blocking=False):
        return 0
    try:
        return sum(_lost_messages_of(deps, asked, kind) for kind in KINDS)
    finally:
        _sending.release()


def _lost_messages_of(deps: Dependencies, asked: _QueueAsked, kind: RowKind[Any]) -> int:
    count = 0
    while True:
        with deps.engine.begin() as conn:
            rows = sweeps.unsent(conn, kind, BATCH, queue_empty=asked.empty, patience_seconds=asked.patience)
        count += len(rows)
        sent = send(deps, rows)
        if sent:
            report_lost(deps, rows)
        if not sent or len(rows) < BATCH:
            return count


def report_lost(deps: Dependencies, sent_again: Iterable[Worked]) -> None:
    """Count rows whose message was lost and has been sent again: the next health check makes an incident of it.

    Retries are not counted: retries that wait long are left to the sweeper on purpose. An error never stops a sweep.
    """
    count = sum(row.status == Status.PENDING for row in sent_again)
    if not count:
        return
    try:
        with deps.engine.begin() as conn:
            incidents.add_occurrences(conn, IncidentKind.MESSAGES_LOST, None, count)
            metric_totals.add(conn, {(Total.RESCUED, ("message",)): count})
    except SQLAlchemyError as exc:
        log.warning("lost_messages_not_told", count=count, error=type(exc).__name__)


def queue_is_empty(broker_url: str) -> bool:
    """Return whether the broker says that the queue is empty; False, too, if the broker does not answer."""
    options = {**app.conf.broker_transport_options, **_BOUNDS}
    within = _BOUNDS["socket_timeout"]
    with app.amqp.Connection(broker_url, connect_timeout=within, transport_options=options) as connection:
        try:
            declared = connection.default_channel.queue_declare(queue=QUEUE, passive=True)
        except connection.channel_errors as exc:
            # Redis has no empty queues: a queue vanishes with its last message.
            return str(getattr(exc, "reply_code", "")) == "404"
        except Exception:  # noqa: BLE001 - each transport raises errors of its own
            return False
    return int(declared.message_count) == 0

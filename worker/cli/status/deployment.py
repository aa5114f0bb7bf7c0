"""The state of the whole deployment: bookings by state, queues, workers, beat, and what looks wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from rich.text import Text
from sqlalchemy import Engine, func, select

from db.appointments.queue import QUEUED
from db.lifecycle import FINAL, Status
from db.monitoring import heartbeats, incidents, status_queries
from db.monitoring.heartbeats import Heartbeat, beat_is_dead
from db.monitoring.incidents import Incident, IncidentKind
from db.monitoring.status_queries import HoldSummary, InProgress
from resilience.circuit_breaker.types import Block
from tasks.incidents.places import page_path
from tasks.overview.ranking.ours import LATE
from tasks.words import ago, duration, plural
from worker.cli.show import STYLES
from worker.console.broker import Broker
from worker.settings.model import Settings
from worker.version import version

ON_THE_WAY = (Status.PENDING, Status.BOOKING, Status.RETRYING)
NOT_SHARED = "Redis has no circuit breaker for us: each process keeps one of its own; `booking check` says more"


@dataclass(frozen=True)
class DeploymentStatus:
    """The state of a deployment at one moment."""

    now: datetime
    counts: dict[Status, int]
    held: list[HoldSummary]
    waiting: InProgress
    queues: dict[str, int]
    workers: list[str]
    beat: Heartbeat | None
    problems: list[str]


def look(
    engine: Engine, settings: Settings, asked: Broker, *, shared: bool, account: int | None = None
) -> DeploymentStatus:
    """Read the database, and list what looks wrong; `asked` has the workers; `shared`: Redis has the breaker.

    Bookings are those of one account, or of all (None).
    """
    with engine.connect() as conn:
        counts, held = status_queries.status_counts(conn, account), status_queries.hold_summaries(conn, account)
        waiting = status_queries.in_progress(conn, account)
        beat, notified = heartbeats.last_check(conn), incidents.notified(conn, open_only=True)
        now: datetime = conn.execute(select(func.now())).scalar_one()
    problems = [
        *_settings_problems(settings),
        *_broker_problems(asked),
        *_beat_problems(beat),
        *([] if shared else [NOT_SHARED]),
        *_lag_problems(waiting, now),
        *_incident_problems(notified, now, settings.page_url, shared=shared),
    ]
    return DeploymentStatus(now, counts, held, waiting, asked.queues, asked.workers, beat, problems)


def as_dict(deployment: DeploymentStatus) -> dict[str, Any]:
    """Return the state for JSON."""
    return {
        "ok": not deployment.problems,
        "version": version(),
        "counts": deployment.counts,
        "held": [asdict(hold) for hold in deployment.held],
        "waiting": asdict(deployment.waiting),
        "queues": deployment.queues,
        "workers": deployment.workers,
        "health_checked_at": deployment.beat and deployment.beat.ticked_at,
        "problems": deployment.problems,
    }


_KNOWN = ("counts", "held", "waiting", "queues", "workers", "health_checked_at")
NOTHING_KNOWN: Mapping[str, Any] = MappingProxyType(
    {"ok": False, "version": version(), **dict.fromkeys(_KNOWN), "problems": []}
)
"""The same where Postgres does not answer."""


def _settings_problems(settings: Settings) -> Iterator[str]:
    if settings.calcom_api_key is None:
        yield "CALCOM_API_KEY: not given, so nothing can be booked; `booking check` says more"


def _broker_problems(asked: Broker) -> Iterator[str]:
    if asked.error:
        yield f"the broker does not answer ({asked.error}): bookings are kept and wait; `booking check` says more"
    elif not asked.workers:
        yield "no worker answers: start `booking up`, or `celery -A worker worker`"


def _beat_problems(beat: Heartbeat | None) -> Iterator[str]:
    if beat_is_dead(beat):
        silent = duration(beat.age)
        since = f"for {silent}" if beat.ticked_at else f"yet, {silent} after the first booking"
        yield f"no health check {since}: are `celery -A worker beat` and the worker of `maintenance` running?"


def _incident_problems(notified: list[Incident], now: datetime, page: str, *, shared: bool) -> Iterator[str]:
    for incident in notified:
        redis_gone = incident.kind == IncidentKind.REDIS_GONE and not shared
        if incident.kind != IncidentKind.BEAT_DEAD and not redis_gone:  # the other problems show it, as it is now
            told = f"told {ago(incident.notified_at, now)}" if incident.notified_at else "not told yet"
            yield f"{incident.title} ({told}; `booking alerts`; {page}{page_path(incident)})"


def _lag_problems(waiting: InProgress, now: datetime) -> Iterator[str]:
    if waiting.waits_since and (late := (now - waiting.waits_since)) > LATE:
        yield f"the oldest booking has waited {duration(late.total_seconds())} for a worker"
    if waiting.lost_leases:
        yield f"{plural(waiting.lost_leases, 'booking')} lost its worker and nobody took it up: does beat run?"
    if waiting.overdue_retries:
        yield f"{plural(waiting.overdue_retries, 'retry is', 'retries are')} overdue"


def facts(deployment: DeploymentStatus, block: Block) -> Iterator[tuple[str, str | Text]]:
    """Yield the state's lines: names and texts; `block` is what stops the line of held bookings now."""
    counts, waiting, now = deployment.counts, deployment.waiting, deployment.now
    on_the_way = _counted({status: counts[status] for status in ON_THE_WAY})
    if waiting.oldest_pending_at:
        on_the_way.append(f"   oldest asked {ago(waiting.oldest_pending_at, now)}")
    yield "on the way", on_the_way
    if not deployment.held:
        yield "held", Text("0")
    for n, hold in enumerate(deployment.held):
        yield (
            "held" if not n else "",
            Text.assemble((f"{hold.count:,}", "bold yellow"), f" {_held_line(hold, now, block)}"),
        )
    yield "done", _counted({status: counts[status] for status in Status if status in FINAL})
    if waiting.unknown:
        yield "unknown", Text(f"{waiting.unknown:,} may be booked; each is looked up before it is posted again")
    yield "queues", Text(", ".join(f"{name} {n}" for name, n in deployment.queues.items()))
    yield "workers", Text(", ".join(deployment.workers) or "none")
    beat = deployment.beat
    ticked_at = beat and beat.ticked_at
    yield "checked", Text(ago(ticked_at, now) if ticked_at else "never: beat has not run here yet")
    yield "version", Text(version())


def _counted(counts: dict[Status, int]) -> Text:
    text = Text()
    for status, count in counts.items():
        style = STYLES.get(status, "bold") if count else "dim"
        text.append(", " if text else "").append(f"{status} ").append(f"{count:,}", style=style)
    return text


def _held_line(hold: HoldSummary, now: datetime, block: Block) -> str:
    until = f", next {ago(hold.next_until, now)}" if hold.next_until else ""
    is_stopped = hold.reason in QUEUED and block not in {Block.NOTHING, Block.UNKNOWN} and block != hold.reason.value
    stopped = f" (stopped by: {block.replace('_', ' ')})" if is_stopped else ""
    return f"{hold.reason}{stopped}, oldest {ago(hold.oldest_held_at, now)}{until}"

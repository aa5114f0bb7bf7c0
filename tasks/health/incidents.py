"""Take the step that the rules give each incident after a look: write it, find its words, say it in the log."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from db.lifecycle import Status
from db.monitoring import incidents, status_queries
from db.monitoring.incidents import Incident
from tasks.health import messages as message
from tasks.health.delivery import send
from tasks.health.incident_rules import Finding, Kind, Step, step

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Told:
    """The messages that a look made; `say` them once they are committed."""

    messages: tuple[tuple[Step, Incident, str], ...]

    def say(self) -> None:
        """Write them to the log, and have them sent now rather than at the next tick."""
        for taken, incident, text in self.messages:
            say = log.info if taken is Step.RESOLVE else log.warning
            say(f"incident_{taken}", kind=incident.kind, subject=incident.subject, said=text.partition("\n")[0])
        if self.messages:
            send()


def settle(
    conn: Connection,
    found: Collection[Finding],
    now: datetime,
    *,
    kinds: Collection[Kind],
    unknown: Collection[tuple[str, str | None]] = (),
) -> Told:
    """Step every incident of these `kinds`, open or just `found`; what is `unknown` stays as it is."""
    known = {(one.kind, one.subject): one for one in incidents.open_ones(conn, kinds, lock=True)}
    seen = {one.key: one for one in found}
    messages = []
    for key in dict.fromkeys([*known, *seen]):
        if key in unknown:
            continue
        incident, finding = known.get(key), seen.get(key)
        taken = step(incident, finding, now)
        if finding is not None:
            told = _go_on(conn, taken, incident, finding, now)
        else:
            told = None if incident is None else _end(conn, taken, incident, now)
        messages += [] if told is None else [(taken, *told)]
    return Told(tuple(messages))


def _go_on(
    conn: Connection, taken: Step, incident: Incident | None, finding: Finding, now: datetime
) -> tuple[Incident, str] | None:
    """Write what was seen; return the incident and its new message, if there is one."""
    detail = _detail(finding, incident, telling=taken in {Step.OPEN, Step.UPDATE})
    if incident is None:
        incident = incidents.suspect(conn, finding.kind, finding.subject, now, count=finding.count, detail=detail)
        if incident is None:
            return None  # another process was first
    else:
        incidents.see(conn, incident, finding.seen_at or now, count=finding.count, detail=detail)
    if taken not in {Step.OPEN, Step.UPDATE}:
        return None
    text = message.update(incident, detail, now) if taken is Step.UPDATE else message.opening(incident, detail)
    incidents.tell(conn, incident, text, now)
    return incident, text


def _end(conn: Connection, taken: Step, incident: Incident, now: datetime) -> tuple[Incident, str] | None:
    if taken is Step.DROP:
        incidents.drop(conn, incident)
    if taken is not Step.RESOLVE:
        return None
    text = message.resolution(incident, now, _totals(conn, incident))
    incidents.tell(conn, incident, text, now, close=True)
    return incident, text


def _detail(finding: Finding, incident: Incident | None, *, telling: bool) -> dict[str, Any]:
    """Merge this look into what is known: the latest facts, the most of each count, the worst level, the last told."""
    before: Mapping[str, Any] = {} if incident is None else incident.detail
    level = int(finding.level)
    counts = {name: value for name, value in finding.facts.items() if isinstance(value, int)}
    most = before.get("most", {})
    return {
        **finding.facts,
        "level": level,
        "worst": max(level, before.get("worst", 0)),
        "told": level if telling else before.get("told", 0),
        "told_count": finding.count if telling else before.get("told_count", finding.count),
        "most": {**most, **{name: max(count, most.get(name, 0)) for name, count in counts.items()}},
    }


def _totals(conn: Connection, incident: Incident) -> dict[str, int]:
    if incident.kind != Kind.OUTAGE:
        return {}
    subject, since = incident.subject or "", incident.opened_at
    # Redis's clock and Postgres's may differ by a little, and the breaker opens before it is seen open.
    totals = {"breaker opened": status_queries.breaker_openings(conn, subject, since - timedelta(seconds=30))}
    for status in (Status.EXPIRED, Status.FAILED):
        some = status_queries.ended_bookings(conn, status, since)
        totals[status.value] = some.count if some else 0
    return totals

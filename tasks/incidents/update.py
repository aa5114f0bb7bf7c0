"""Apply the rules' step to each incident after a health check: its row, its message, its log line."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from db.lifecycle import Status
from db.monitoring import incidents, status_queries
from db.monitoring.incidents import Incident, IncidentKind
from tasks import dependencies
from tasks.host.log import Logger
from tasks.incidents import delivery, messages
from tasks.incidents.places import page_path
from tasks.incidents.rules import Observation, Step, further, may_last, next_step

_TOLD_EACH = 2000  # ids that an incident keeps; a check finds 1,000 at most

log = Logger(__name__)


@dataclass(frozen=True)
class Notifications:
    """The messages that a check has made; `send` them once they are committed."""

    messages: tuple[tuple[Step, Incident, str], ...]

    def send(self) -> None:
        """Log the messages, and send them now instead of at the next tick."""
        for taken, incident, text in self.messages:
            write = log.info if taken is Step.RESOLVE else log.warning
            write(f"incident_{taken}", kind=incident.kind, subject=incident.subject, said=text.partition("\n")[0])
        if self.messages:
            delivery.send()


def update_incidents(
    conn: Connection,
    observed: Collection[Observation],
    now: datetime,
    *,
    kinds: Collection[IncidentKind],
    unknown: Collection[tuple[str, str | None]] = (),
) -> Notifications:
    """Take the next step of every incident of these `kinds`, open or just observed; the `unknown` stay as they are."""
    rows = incidents.open_incidents(conn, kinds, lock=True)
    known = {(incident.kind, incident.subject): incident for incident in rows}
    seen = {observation.key: observation for observation in observed}
    notifications = []
    for key in dict.fromkeys([*known, *seen]):
        if key in unknown:
            continue
        incident, observation = known.get(key), seen.get(key)
        taken = next_step(incident, observation, now)
        if observation is not None:
            message = _go_on(conn, taken, incident, observation, now)
        else:
            message = None if incident is None else _end(conn, taken, incident, now)
        notifications += [] if message is None else [(taken, *message)]
    return Notifications(tuple(notifications))


def _go_on(
    conn: Connection, taken: Step, incident: Incident | None, observation: Observation, now: datetime
) -> tuple[Incident, str] | None:
    """Write what was observed; return the incident and its new message, if there is one."""
    kind, subject, count = observation.kind, observation.subject, observation.count
    notify = taken in {Step.OPEN, Step.UPDATE}
    detail = _detail(observation, incident, notify=notify)
    if incident is None:
        incident = incidents.open_suspected(conn, kind, subject, now, count=count, detail=detail)
        if incident is None:
            return None  # another process was first
    else:
        incidents.refresh(conn, incident, observation.seen_at or now, count=count, detail=detail)
    if not notify:
        return None
    text = messages.update(incident, detail, now) if taken is Step.UPDATE else messages.opening(incident, detail)
    text = _with_address(text, page_path(incident, detail))
    incidents.add_message(conn, incident, text, now)
    return incident, text


def _end(conn: Connection, taken: Step, incident: Incident, now: datetime) -> tuple[Incident, str] | None:
    if taken is Step.DROP:
        incidents.drop(conn, incident)
    if taken is Step.NOTHING and not incident.is_past and not may_last(incident, now):
        incidents.describe_as_past(conn, incident, messages.past(incident))  # the last check's numbers are not true now
    if taken is not Step.RESOLVE:
        return None
    text = _with_address(messages.resolution(incident, now, _totals(conn, incident)), page_path(incident))
    incidents.add_message(conn, incident, text, now, close=True)
    return incident, text


def _with_address(text: str, path: str) -> str:
    """Return a message with the address of what it is about as its last line."""
    return f"{text}\nPage: {dependencies.current().page_url}{path}"


def _detail(observation: Observation, incident: Incident | None, *, notify: bool) -> dict[str, Any]:
    """Return the incident's new detail: latest facts, highest counts, worst level, level of the last message."""
    before: Mapping[str, Any] = {} if incident is None else incident.detail
    level = int(observation.level)
    counts = {name: value for name, value in observation.facts.items() if isinstance(value, int)}
    most = before.get("most", {})
    return {
        **observation.facts,
        "level": level,
        "present": messages.present(observation.kind, observation.subject, {**observation.facts, "level": level}),
        "worst": max(level, before.get("worst", 0)),
        "told": level if notify else before.get("told", 0),
        "told_count": observation.count if notify else before.get("told_count", observation.count),
        **_each(observation, incident, notify=notify),
        "most": {**most, **{name: max(count, most.get(name, 0)) for name, count in counts.items()}},
    }


def _each(observation: Observation, incident: Incident | None, *, notify: bool) -> dict[str, Any]:
    """Return which of what is told one by one was told, what is there now last, and what is new in a message."""
    if incident is None or not incident.news:
        return {"told_each": [*observation.each][-_TOLD_EACH:]} if observation.each else {}
    before = incident.detail.get("told_each", [*observation.each])
    if not before and not observation.each:
        return {}
    if not notify:
        return {"told_each": before, "further": incident.detail.get("further", [])}
    told = [*(one for one in before if one not in observation.each), *observation.each]
    return {"told_each": told[-_TOLD_EACH:], "further": further(incident, observation)}


def _totals(conn: Connection, incident: Incident) -> dict[str, int]:
    if incident.kind != IncidentKind.OUTAGE:
        return {}
    subject, since = incident.subject or "", incident.opened_at
    of = None if subject == dependencies.current().database_calls.service else subject
    # Redis's and Postgres's clocks may differ a little, and the breaker opens before a check finds it open.
    totals = {"breaker opened": status_queries.breaker_openings(conn, subject, since - timedelta(seconds=30))}
    for status in (Status.EXPIRED, Status.FAILED):
        ended = status_queries.ended_bookings(conn, status, since, service=of)
        totals[status.value] = ended.count if ended else 0
    return totals

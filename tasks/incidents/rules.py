"""The rules by which a health check changes an incident, without reading a clock or the database.

The state is the open row in Postgres, so any number of beats and workers may check.

    open row    seen                                    then
    none        no                                      NOTHING
    none        yes, and its kind waits for more checks SUSPECT   (nobody is notified)
    none        yes                                     OPEN
    suspected   no                                      DROP
    suspected   yes, for ENTER_AFTER                    OPEN
    suspected   yes                                     SEE
    notified    yes, and an update is due, or it grew   UPDATE
    notified    yes                                     SEE
    notified    no, for LEAVE_AFTER                     RESOLVE
    notified    no                                      NOTHING   (the fault may come back: the same incident)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from db.monitoring.incidents import Incident, IncidentKind
from tasks.overview.outages import OutageLevel

REDIS_UNAVAILABLE_AFTER = 30.0  # seconds without the shared breaker before operators are notified: a restart is shorter
QUIET = 900.0  # seconds without a further event after which an incident that counts events is over
THROTTLED_FOR = 300.0  # seconds that a booking may wait for the rate limit before an operator must know
UPDATES = (300.0, 900.0, 3600.0)  # seconds after an incident's begin at which operators are notified again
MESSAGE_INTERVAL = 300.0  # seconds between two messages of one incident, except its resolution

# A share of failed calls may be a hiccup: degraded needs a second check (they come every 5 s). The other levels do not
# wait: their thresholds already count several failures.
ENTER_AFTER: Mapping[OutageLevel, float] = MappingProxyType({OutageLevel.DEGRADED: 4.0})
# An incident is over after this time below the threshold: a breaker that closes and opens again is one outage.
LEAVE_AFTER = 30.0
# Kinds of faults that are written as an event of their booking when they are noticed; an operator must act on each.
NOTABLE = frozenset(
    {
        IncidentKind.TOLD_NOT_BOOKED,
        IncidentKind.SERIES_CUT,
        IncidentKind.CANCEL_THERE,
        IncidentKind.MADE_AGAIN,
        IncidentKind.CHANGE_NEEDS_YOU,
    }
)
# The observation of these kinds ends by itself after QUIET.
LEAVE_AT_ONCE = NOTABLE | {
    IncidentKind.MESSAGES_LOST,
    IncidentKind.LET_GO_IN_VAIN,
    IncidentKind.FAILED,
    IncidentKind.EXPIRED,
}
# What the processes observe of their own, each in this time; the health check's process may see nothing of it.
OBSERVED_BY_EACH = frozenset({IncidentKind.REDIS_GONE, IncidentKind.REDIS_SLOW})
OBSERVED_EVERY = 10.0  # seconds, for a busy process, too
EACH_INTERVAL = 600.0  # seconds from one message to the next about further bookings, of which each needs a person
GROWTH = 10  # times as many as in the last message: a message about 1 must not hide 5,000


class Step(StrEnum):
    """What to do with an incident."""

    NOTHING = "nothing"
    SUSPECT = "suspect"
    OPEN = "open"
    DROP = "drop"
    SEE = "see"
    UPDATE = "update"
    RESOLVE = "resolve"


@dataclass(frozen=True)
class Observation:
    """A fault that one check found; `facts` are counts, ids and moments, never personal data.

    `each` is what operators must be told of one by one: ids, each with its booking's (of a booking its own).
    """

    kind: IncidentKind
    subject: str | None = None
    level: OutageLevel = OutageLevel.HEALTHY
    count: int = 1
    seen_at: datetime | None = None  # None: now; for a kind that counts events: when the last event happened
    facts: Mapping[str, Any] = field(default_factory=dict)
    each: Mapping[int, int] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str | None]:
        """Return kind and subject, which identify the incident."""
        return (self.kind, self.subject)


def next_step(incident: Incident | None, seen: Observation | None, now: datetime) -> Step:
    """Return the next step of an incident (None: none is open) after a check at `now`."""
    if seen is None:
        return _unseen(incident, now)
    if incident is None or not incident.news:
        waited = 0.0 if incident is None else _seconds(incident.opened_at, now)
        if waited >= ENTER_AFTER.get(seen.level, 0.0):
            return Step.OPEN
        return Step.SUSPECT if incident is None else Step.SEE
    return Step.UPDATE if _update_is_due(incident, seen, now) else Step.SEE


def further(incident: Incident, seen: Observation) -> list[int]:
    """Return the bookings of what a check found and no message has told, once each."""
    told = set(incident.detail.get("told_each", seen.each))  # without: of a release that did not keep it
    return list(dict.fromkeys(booking for one, booking in seen.each.items() if one not in told))


def _unseen(incident: Incident | None, now: datetime) -> Step:
    if incident is None:
        return Step.NOTHING
    if not incident.news:
        return Step.DROP
    wait = 0.0 if incident.kind in LEAVE_AT_ONCE else LEAVE_AFTER
    return Step.RESOLVE if _seconds(incident.last_seen_at, now) >= wait else Step.NOTHING


def may_last(incident: Incident, now: datetime) -> bool:
    """Return whether an incident that a check did not find may go on in another process."""
    return incident.kind in OBSERVED_BY_EACH and _seconds(incident.last_seen_at, now) < OBSERVED_EVERY


def _update_is_due(incident: Incident, seen: Observation, now: datetime) -> bool:
    last_message_at = incident.news_at or incident.opened_at
    if further(incident, seen) and _seconds(last_message_at, now) >= EACH_INTERVAL:
        return True
    due = (incident.opened_at + timedelta(seconds=after) for after in UPDATES)
    if any(last_message_at < moment <= now for moment in due):
        return True
    worse = seen.level > incident.detail.get("told", OutageLevel.HEALTHY)
    more = seen.count >= GROWTH * incident.detail.get("told_count", seen.count)
    return (worse or more) and _seconds(last_message_at, now) >= MESSAGE_INTERVAL


def _seconds(since: datetime, now: datetime) -> float:
    return (now - since).total_seconds()

"""What one look finds: at the services as the detector and the breaker count them, at what is held, at what ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from db import events, standing
from db.events import Happened
from db.incidents import Incident
from db.lifecycle import HoldReason, Status
from db.standing import Ended, Holds
from resilience.breaker_status import BreakerStatus
from resilience.failure_detector import FailureDetector, FailureStats
from resilience.permit import State
from tasks.alerts.message import span
from tasks.health_rules import NOTABLE, QUIET, THROTTLED_FOR, Finding, Kind, Level
from tasks.parts import Parts, Terms

Known = Mapping[tuple[str, str | None], Incident]  # open incidents, by kind and subject

_BY_REASON = (
    HoldReason.CREDENTIALS,
    HoldReason.CONFIGURATION,
    HoldReason.BLIND_KEY,
    HoldReason.SUSPECT,
    HoldReason.UNREACHABLE,
    HoldReason.THROTTLED,
)
_OF_AN_OUTAGE = (HoldReason.BREAKER_OPEN, HoldReason.UNREACHABLE, HoldReason.THROTTLED, HoldReason.SETTLING)
# An operator's order is no outage: FORCED_OPEN leaves all as it is. An endpoint that waits for traffic is none either:
# it may wait for days, and would hide the next outage of all others.
_DOWN, _ENDPOINT_DOWN = (State.OPEN, State.HALF_OPEN), (State.OPEN,)


@dataclass(frozen=True)
class Services:
    """How the services do."""

    outages: tuple[Finding, ...]
    unknown: frozenset[tuple[str, str | None]]
    """Incidents of which this look knows nothing: they stay as they are."""
    key_refused: bool
    guarded: str
    """The service whose bookings are held in an outage."""


def look_at_services(parts: Parts) -> Services:
    """Ask the breaker and the detector; neither raises for trouble with Redis."""
    status, detector = parts.breaker.get_status(), parts.detector
    outages, unknown = [], set()
    for service in detector.services:
        key = (Kind.OUTAGE, service)
        guarded = service == status.service
        if not status.shared or (guarded and status.state is State.FORCED_OPEN):
            unknown.add(key)  # without Redis this process knows its own calls only, and it makes none
            continue
        stats = detector.get_failure_stats(service)
        level, where = _level(detector, service, stats), ""
        if guarded and (open_ones := _not_closed(status)):
            level = Level.DOWN
            where = "" if "" in open_ones else f" ({', '.join(open_ones)})"
        if level:
            facts = {"recent": stats.recent, "calls": stats.calls, "percent": round(100 * stats.rate), "where": where}
            outages.append(Finding(Kind.OUTAGE, service, level, facts=facts))
    refused = status.shared and parts.calcom.key_fingerprint in status.blocked_keys
    return Services(tuple(outages), frozenset(unknown), refused, status.service)


def outages(
    conn: Connection,
    services: Services,
    held: Mapping[HoldReason, Holds],
    known: Known,
    now: datetime,
    *,
    lead: float,
) -> Iterator[Finding]:
    """Say what each outage holds up, and how many of its unclear calls turned out to be booked."""
    for one in services.outages:
        facts = dict(one.facts)
        if one.subject == services.guarded:
            unclear = standing.unclear(conn, _since(known, one.key, now))
            facts |= _facts([held[reason] for reason in _OF_AN_OUTAGE if reason in held], lead)
            facts |= {"unclear": unclear.known, "booked": unclear.booked}
        yield Finding(one.kind, one.subject, one.level, facts=facts)


def holds(held: Mapping[HoldReason, Holds], now: datetime, terms: Terms, *, key_refused: bool) -> Iterator[Finding]:
    """Say what is held for a reason that an operator must know, and what is held for too long."""
    for reason in _BY_REASON:
        some = held.get(reason)
        if reason is HoldReason.CREDENTIALS and key_refused:
            yield Finding(Kind.CREDENTIALS, facts=_facts([some] if some else [], terms.lead))
        elif some and (reason is not HoldReason.THROTTLED or (now - some.oldest).total_seconds() >= THROTTLED_FOR):
            half_made = {"half_made": some.half_made} if reason is HoldReason.SUSPECT else {}
            yield Finding(Kind(reason.value), count=some.count, facts=_facts([some], terms.lead) | half_made)
    late = [one for one in held.values() if one.late]
    if late and terms.max_age:
        figures = {"held": sum(one.late for one in late), "at_risk": sum(one.late_at_risk for one in late)}
        facts = {**_facts(late, terms.lead), **figures, "max_age": span(terms.max_age)}
        yield Finding(Kind.HELD_TOO_LONG, count=figures["held"], facts=facts)


def endings(conn: Connection, known: Known, now: datetime) -> Iterator[Finding]:
    """Say what happened lately of the kinds that gather; an incident counts from its begin on."""
    for kind, status in ((Kind.FAILED, Status.FAILED), (Kind.EXPIRED, Status.EXPIRED)):
        yield from _gathered(kind, standing.ended(conn, status, _since(known, (kind, None), now)), now)
    for kind in sorted(NOTABLE):
        yield from _gathered(kind, events.latest(conn, [kind], _since(known, (kind, None), now)).get(kind), now)
    lost = known.get((Kind.MESSAGES_LOST, None))
    if lost and (now - lost.last_seen_at).total_seconds() < QUIET:
        count = lost.occurrences
        yield Finding(Kind.MESSAGES_LOST, count=count, seen_at=lost.last_seen_at, facts={"count": count})


def _since(known: Known, key: tuple[str, str | None], now: datetime) -> datetime:
    return (known[key].opened_at if key in known else now) - timedelta(seconds=QUIET)


def _gathered(kind: Kind, some: Ended | Happened | None, now: datetime) -> Iterator[Finding]:
    if some and (now - some.last_at).total_seconds() < QUIET:
        facts = {"count": some.count, "first_id": str(some.first_id)}
        yield Finding(kind, count=some.count, seen_at=some.last_at, facts=facts)


def _not_closed(status: BreakerStatus) -> list[str]:
    """Name the breakers that are not closed; the service's own is ''."""
    endpoints = [name for name, scope in status.endpoints.items() if scope.state in _ENDPOINT_DOWN]
    return ["", *endpoints] if status.breaker.state in _DOWN else endpoints


def _level(detector: FailureDetector, service: str, stats: FailureStats) -> Level:
    """Say how bad it is for an operator: three failures in a minute are critical, but no news among a hundred calls.

    What is worse opens the breaker, which is always told.
    """
    settings = detector.settings
    few_of_many = stats.calls >= settings.minimum_calls and stats.rate < settings.degraded_rate
    return Level.HEALTHY if few_of_many else Level[detector.get_health_status(service).status.name]


def _facts(some: list[Holds], lead: float) -> dict[str, Any]:
    """Count what is held; `until` is when the first one at risk expires."""
    at_risk = sum(one.at_risk for one in some)
    facts: dict[str, Any] = {"held": sum(one.count for one in some), "at_risk": at_risk}
    if some:
        facts["first_id"] = str(min(one.first_id for one in some))
    if at_risk:
        until = min(one.first_start for one in some) - timedelta(seconds=lead)
        facts["until"] = f"{until:%Y-%m-%d %H:%M} UTC"
    return facts

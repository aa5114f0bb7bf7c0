"""What one look finds: at the services as the detector and the breaker count them, at what is held, at what ended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from db.appointments import events
from db.appointments.events import Happened
from db.lifecycle import HoldReason, Status
from db.monitoring import status_queries
from db.monitoring.incidents import Incident
from db.monitoring.status_queries import EndedBookings, HoldRisk
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import State
from resilience.error_types import ErrorType
from resilience.failure_detector import DetectorSettings, FailureDetector, FailureStats
from tasks.dependencies import Dependencies, Timings
from tasks.health.incident_rules import GONE_FOR, NOTABLE, QUIET, THROTTLED_FOR, Finding, Kind, Level
from tasks.health.messages import span

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
# What a booking's row keeps of a call that failed at Cal.com; all other errors are its answers, or ours.
_FAILED_THERE = (
    ErrorType.CONNECT,
    ErrorType.DNS,
    ErrorType.TLS,
    ErrorType.TIMEOUT,
    ErrorType.RESET,
    ErrorType.HTTP_500,
    ErrorType.HTTP_502,
    ErrorType.HTTP_503,
    ErrorType.HTTP_504,
    ErrorType.HTTP_52X,
    ErrorType.HTTP_OTHER,
    ErrorType.DATABASE,
    ErrorType.UNREADABLE,
)
_LAST_MINUTE = 60.0  # seconds


@dataclass(frozen=True)
class Services:
    """How the services do; of those that are well, too."""

    judged: tuple[Finding, ...]
    unknown: frozenset[tuple[str, str | None]]
    """Incidents of which this look knows nothing: they stay as they are."""
    key_refused: bool
    guarded: str
    """The service whose bookings are held in an outage."""
    half_open: bool
    """Whether its breaker has opened and waits for a call: that is an outage as long as a booking waits with it."""
    shared: bool


def look_at_services(deps: Dependencies) -> Services:
    """Ask the breaker and the detector; neither raises for trouble with Redis."""
    status, detector = deps.breaker.get_status(), deps.detector
    judged, unknown = [], set()
    for service in detector.services:
        guarded = service == status.service
        # Without Redis this process knows its own calls only, and it makes none. An operator's order is no outage.
        if not status.shared or (guarded and status.state is State.FORCED_OPEN):
            unknown.add((Kind.OUTAGE, service))
            continue
        stats = detector.get_failure_stats(service)
        level, where = _level(detector, service, stats), ""
        if guarded and (open_ones := _open(status)):
            level = Level.DOWN
            where = "" if "" in open_ones else f" ({', '.join(open_ones)})"
        facts = {"recent": stats.recent, "calls": stats.calls, "percent": round(100 * stats.rate), "where": where}
        judged.append(Finding(Kind.OUTAGE, service, level, facts=facts))
    return Services(
        tuple(judged),
        frozenset(unknown),
        key_refused=status.shared and deps.calcom.key_fingerprint in status.blocked_keys,
        guarded=status.service,
        # Times opened in a row: an order that was taken back leaves none.
        half_open=status.shared and status.state is State.HALF_OPEN and status.breaker.opens > 0,
        shared=status.shared,
    )


def by_record(conn: Connection, services: Services, settings: DetectorSettings, now: datetime) -> Services:
    """Judge the guarded service by what became of bookings, where no breaker is shared; else it may stay unknown."""
    if services.shared:
        return services
    calls = status_queries.recorded_calls(conn, now - timedelta(seconds=_LAST_MINUTE), failed=_FAILED_THERE)
    if not calls.count:
        return services
    rate, enough = calls.failed / calls.count, calls.count >= settings.minimum_calls
    level = Level.DEGRADED if enough and rate >= settings.degraded_rate else Level.HEALTHY
    if calls.failed >= settings.critical_recent and (level or not enough):
        level = Level.CRITICAL
    if not level and calls.failed == calls.count:
        return services  # a few probes: all have failed, and none says that it is over
    facts = {"recent": calls.failed, "calls": calls.count, "percent": round(100 * rate), "where": ""}
    judged = Finding(Kind.OUTAGE, services.guarded, level, facts=facts)
    return replace(services, judged=(*services.judged, judged), unknown=services.unknown - {judged.key})


def redis_is_gone(deps: Dependencies) -> Finding | None:
    """Say whether this process has missed the shared breaker for longer than a restart takes; it asks once more."""
    shared, gone_for = deps.breaker.get_status().shared, deps.breaker.gone_for()
    return None if shared or gone_for is None or gone_for < GONE_FOR else Finding(Kind.REDIS_GONE)


def outages(
    conn: Connection,
    services: Services,
    held: Mapping[HoldReason, HoldRisk],
    known: Known,
    now: datetime,
    *,
    lead: float,
) -> Iterator[Finding]:
    """Say what each outage holds up, and how many of its unclear calls turned out to be booked."""
    for one in services.judged:
        level, facts = one.level, dict(one.facts)
        if one.subject == services.guarded:
            waiting = [held[reason] for reason in _OF_AN_OUTAGE if reason in held]
            level = Level.DOWN if services.half_open and waiting else level
            if level:
                unclear = status_queries.unclear_calls(conn, _since(known, one.key, now))
                facts |= _facts(waiting, lead) | {"unclear": unclear.known, "booked": unclear.booked}
        if level:
            yield Finding(one.kind, one.subject, level, facts=facts)


def holds(
    held: Mapping[HoldReason, HoldRisk], now: datetime, timings: Timings, *, key_refused: bool
) -> Iterator[Finding]:
    """Say what is held for a reason that an operator must know, and what is held for too long."""
    for reason in _BY_REASON:
        some = held.get(reason)
        if reason is HoldReason.CREDENTIALS and key_refused:
            yield Finding(Kind.CREDENTIALS, facts=_facts([some] if some else [], timings.lead))
        elif some and (reason is not HoldReason.THROTTLED or (now - some.oldest).total_seconds() >= THROTTLED_FOR):
            half_made = {"half_made": some.half_made} if reason is HoldReason.SUSPECT else {}
            yield Finding(Kind(reason.value), count=some.count, facts=_facts([some], timings.lead) | half_made)
    late = [one for one in held.values() if one.late]
    if late and timings.max_age:
        figures = {"held": sum(one.late for one in late), "at_risk": sum(one.late_at_risk for one in late)}
        facts = {**_facts(late, timings.lead), **figures, "max_age": span(timings.max_age)}
        yield Finding(Kind.HELD_TOO_LONG, count=figures["held"], facts=facts)


def endings(conn: Connection, known: Known, now: datetime) -> Iterator[Finding]:
    """Say what happened lately of the kinds that gather; an incident counts from its begin on."""
    for kind, status in ((Kind.FAILED, Status.FAILED), (Kind.EXPIRED, Status.EXPIRED)):
        yield from _gathered(kind, status_queries.ended_bookings(conn, status, _since(known, (kind, None), now)), now)
    for kind in sorted(NOTABLE):
        yield from _gathered(kind, events.latest(conn, [kind], _since(known, (kind, None), now)).get(kind), now)
    lost = known.get((Kind.MESSAGES_LOST, None))
    if lost and (now - lost.last_seen_at).total_seconds() < QUIET:
        count = lost.occurrences
        yield Finding(Kind.MESSAGES_LOST, count=count, seen_at=lost.last_seen_at, facts={"count": count})


def _since(known: Known, key: tuple[str, str | None], now: datetime) -> datetime:
    return (known[key].opened_at if key in known else now) - timedelta(seconds=QUIET)


def _gathered(kind: Kind, some: EndedBookings | Happened | None, now: datetime) -> Iterator[Finding]:
    if some and (now - some.last_at).total_seconds() < QUIET:
        facts = {"count": some.count, "first_id": str(some.first_id)}
        yield Finding(kind, count=some.count, seen_at=some.last_at, facts=facts)


def _open(status: BreakerStatus) -> list[str]:
    """Name the breakers that are open; the service's own is ''.

    An endpoint that is half-open waits for traffic, perhaps for days, and would hide the next outage of all others.
    """
    endpoints = [name for name, scope in status.endpoints.items() if scope.state is State.OPEN]
    return ["", *endpoints] if status.state is State.OPEN else endpoints


def _level(detector: FailureDetector, service: str, stats: FailureStats) -> Level:
    """Say how bad it is for an operator: three failures in a minute are critical, but no news among a hundred calls.

    What is worse opens the breaker, which is always told.
    """
    settings = detector.settings
    few_of_many = stats.calls >= settings.minimum_calls and stats.rate < settings.degraded_rate
    return Level.HEALTHY if few_of_many else Level[detector.get_health_status(service).status.name]


def _facts(some: list[HoldRisk], lead: float) -> dict[str, Any]:
    """Count what is held; `until` is when the first one at risk expires."""
    at_risk = sum(one.at_risk for one in some)
    facts: dict[str, Any] = {"held": sum(one.count for one in some), "at_risk": at_risk}
    if some:
        facts["first_id"] = str(min(one.first_id for one in some))
    if at_risk:
        until = min(one.first_start for one in some) - timedelta(seconds=lead)
        facts["until"] = f"{until:%Y-%m-%d %H:%M} UTC"
    return facts

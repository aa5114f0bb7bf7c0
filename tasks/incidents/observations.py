"""What one health check observes: the services, held bookings, and bookings that ended badly."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from db.account_troubles import NO_TROUBLE, AccountTrouble, AccountTroubles
from db.appointments import events
from db.appointments.events import Happened
from db.appointments.queue import QUEUED
from db.lifecycle import HoldReason, Status
from db.monitoring import status_queries
from db.monitoring.incidents import Incident, IncidentKind
from db.monitoring.status_queries import EndedBookings, HeldChanges, HoldRisk
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import Block, State
from resilience.error_types import ErrorType
from resilience.failure_detector import DetectorSettings
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies, Timings
from tasks.incidents.rules import NOTABLE, QUIET, REDIS_UNAVAILABLE_AFTER, THROTTLED_FOR, Observation
from tasks.overview.outages import OutageLevel, outage_level
from tasks.words import duration

Known = Mapping[tuple[str, str | None], Incident]  # open incidents, by kind and subject

_BY_REASON = (
    HoldReason.CREDENTIALS,
    HoldReason.CONFIGURATION,
    HoldReason.BLIND_KEY,
    HoldReason.SUSPECT,
    HoldReason.UNREACHABLE,
    HoldReason.THROTTLED,
)
CHANGES_OF_A_PERSON = (HoldReason.SUSPECT, HoldReason.BLIND_KEY, HoldReason.CONFIGURATION)
_OF_AN_OUTAGE = (*QUEUED, HoldReason.UNREACHABLE, HoldReason.SETTLING)
_REFUSED: Mapping[HoldReason, Block] = MappingProxyType(
    {HoldReason.CREDENTIALS: Block.CREDENTIALS, HoldReason.CONFIGURATION: Block.CONFIGURATION}
)
# The error types of calls that failed at Cal.com; all others are Cal.com's answers, or errors of ours.
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
_KEYS = (AccountTrouble.UNREADABLE, AccountTrouble.REFUSED)
_OF_ACCOUNTS: Mapping[IncidentKind, AccountTrouble] = MappingProxyType(
    {
        IncidentKind.KEY_UNREADABLE: AccountTrouble.UNREADABLE,
        IncidentKind.ACCOUNT_REFUSED: AccountTrouble.REFUSED,
        IncidentKind.ACCOUNT_FAILING: AccountTrouble.BREAKER,
    }
)
_LAST_MINUTE = 60.0  # seconds
_FEW_TYPES = 5  # event types that an alert names
_FEW_ACCOUNTS = 5
_LONGEST_NAME = 40  # characters of a slug


@dataclass(frozen=True)
class Services:
    """The state of all services, also of healthy ones."""

    observations: tuple[Observation, ...]
    unknown: frozenset[tuple[str, str | None]]
    """Keys of incidents that this check cannot judge: these stay as they are."""
    block: Block
    """What stops bookings now, for this process's key and settings."""
    guarded: str
    """The service whose bookings are held in an outage."""
    half_open: bool
    """Whether its breaker has opened and waits for a call: an outage, as long as bookings wait for the breaker."""
    shared: bool


def observe_services(deps: Dependencies) -> Services:
    """Return the state of each service, by breaker and detector; neither raises when Redis is unavailable."""
    status, detector = deps.breaker.get_status(), deps.detector
    observations, unknown = [], set()
    for service in detector.services:
        guarded = service == status.service
        # Without Redis this process knows only its own calls, and makes none. An operator's override is no outage.
        if not status.shared or (guarded and status.state is State.FORCED_OPEN):
            unknown.add((IncidentKind.OUTAGE, service))
            continue
        health = detector.get_health_status(service)
        stats = health.figures
        level, where = outage_level(detector.settings, health), ""
        if guarded and (open_names := _open_breakers(status)):
            level = OutageLevel.DOWN
            where = "" if "" in open_names else f" ({', '.join(open_names)})"
        facts = {"recent": stats.recent, "calls": stats.calls, "percent": round(100 * stats.rate), "where": where}
        observations.append(Observation(IncidentKind.OUTAGE, service, level, facts=facts))
    return Services(
        tuple(observations),
        frozenset(unknown),
        block=status.block(CREATE, key=deps.calcom.key_fingerprint, configuration=deps.calcom.settings_fingerprint),
        guarded=status.service,
        # `opens` is 0 after an override that was ended: the breaker has not opened by itself.
        half_open=status.shared and status.state is State.HALF_OPEN and status.breaker.opens > 0,
        shared=status.shared,
    )


def judge_by_record(conn: Connection, services: Services, settings: DetectorSettings, now: datetime) -> Services:
    """Judge the guarded service by the recorded calls while Redis does not answer; its state may stay unknown."""
    if services.shared:
        return services
    since = now - timedelta(seconds=_LAST_MINUTE)
    calls, failed = status_queries.recorded_calls(conn, since, failed=_FAILED_THERE)
    if not calls:
        return services
    rate, enough = failed / calls, calls >= settings.minimum_calls
    level = OutageLevel.DEGRADED if enough and rate >= settings.degraded_rate else OutageLevel.HEALTHY
    if failed >= settings.critical_recent and (level or not enough):
        level = OutageLevel.CRITICAL
    if not level and failed == calls:
        return services  # only a few probes were made, and all failed: the outage may go on
    facts = {"recent": failed, "calls": calls, "percent": round(100 * rate), "where": ""}
    outage = Observation(IncidentKind.OUTAGE, services.guarded, level, facts=facts)
    return replace(services, observations=(*services.observations, outage), unknown=services.unknown - {outage.key})


def observe_redis(deps: Dependencies) -> Observation | None:
    """Ask Redis once more; observe that this process has lacked the shared breaker for longer than a restart takes."""
    shared, gone_for = deps.breaker.get_status().shared, deps.breaker.view.redis_gone_for()
    missing = not shared and gone_for is not None and gone_for >= REDIS_UNAVAILABLE_AFTER
    return Observation(IncidentKind.REDIS_GONE) if missing else None


def observe_outages(
    conn: Connection,
    services: Services,
    held: Mapping[HoldReason, HoldRisk],
    known: Known,
    now: datetime,
    *,
    lead: float,
) -> Iterator[Observation]:
    """Observe each outage: what it holds, and how many calls without a clear answer were booked nevertheless."""
    for service in services.observations:
        level, facts = service.level, dict(service.facts)
        if service.subject == services.guarded:
            waiting = [held[reason] for reason in _OF_AN_OUTAGE if reason in held]
            level = OutageLevel.DOWN if services.half_open and waiting else level
            if level:
                unclear = status_queries.unclear_calls(conn, _since(known, service.key, now))
                facts |= _facts(waiting, lead) | {"unclear": unclear.known, "booked": unclear.booked}
        if level:
            yield Observation(service.kind, service.subject, level, facts=facts)


def observe_holds(
    held: Mapping[HoldReason, HoldRisk],
    missing: Mapping[str, HoldRisk],
    now: datetime,
    timings: Timings,
    *,
    block: Block,
    accounts: AccountTroubles = NO_TROUBLE,
) -> Iterator[Observation]:
    """Observe bookings that are held for a reason that an operator must know, or for too long.

    While a refused key or wrong settings stop all (`block`), the whole queue waits for that, too. `missing` is the part
    of `held` that waits for an event type that Cal.com no longer has, by its name. What `accounts` have by a fault of
    their own is an incident of its own kind, which names them.
    """
    yield from _observe_accounts(accounts)
    if missing:
        facts = _facts([*missing.values()], timings.lead) | {"types": _named(missing)}
        yield Observation(IncidentKind.NO_EVENT_TYPE, count=facts["held"], facts=facts)
    for reason in _BY_REASON:
        risk = held.get(reason)
        if risk and reason is HoldReason.CONFIGURATION:
            risk = _without(risk, missing.values())
        behind = [held[one] for one in QUEUED if one in held] if block is _REFUSED.get(reason) else []
        if reason is HoldReason.CREDENTIALS and accounts.count(*_KEYS) and block is not Block.CREDENTIALS:
            continue  # Cal.com has refused another account's key, or nothing
        if block is Block.CREDENTIALS and reason is HoldReason.CREDENTIALS:
            facts = _facts([*([risk] if risk else []), *behind], timings.lead)
            yield Observation(IncidentKind.CREDENTIALS, facts=facts)
        elif risk and (reason is not HoldReason.THROTTLED or (now - risk.oldest).total_seconds() >= THROTTLED_FOR):
            more = {"half_made": risk.half_made} if reason is HoldReason.SUSPECT else {}
            if reason is HoldReason.THROTTLED and accounts.several:
                more = _named_accounts(accounts, AccountTrouble.THROTTLED)
            yield Observation(
                IncidentKind(reason.value), count=risk.count, facts=_facts([risk, *behind], timings.lead) | more
            )
    late = [risk for risk in held.values() if risk.late]
    if late and timings.max_age:
        figures = {"held": sum(risk.late for risk in late), "at_risk": sum(risk.late_at_risk for risk in late)}
        facts = {**_facts(late, timings.lead), **figures, "max_age": duration(timings.max_age)}
        yield Observation(IncidentKind.HELD_TOO_LONG, count=figures["held"], facts=facts)


def observe_held_changes(held: HeldChanges) -> Iterator[Observation]:
    """Observe cancels and moves that do not go by themselves; a refused key is an incident of its own."""
    if held.total:
        facts = {"count": held.total, "first_id": str(held.bookings[0]), "ids": held.bookings}
        yield Observation(IncidentKind.CHANGE_HELD, count=held.total, facts=facts)


def _observe_accounts(accounts: AccountTroubles) -> Iterator[Observation]:
    for kind, trouble in _OF_ACCOUNTS.items():
        if facts := _named_accounts(accounts, trouble):
            yield Observation(kind, count=facts["count"], facts=facts)


def _named_accounts(accounts: AccountTroubles, trouble: AccountTrouble) -> dict[str, Any]:
    """Return how many accounts have a trouble, and the first five by name, each with what waits."""
    count = accounts.count(trouble)
    if not count:
        return {}
    first = list(accounts.of(trouble))[:_FEW_ACCOUNTS]
    named = [f"{one.name} ({one.waiting:,} waiting)" if one.waiting else one.name for one in first]
    more = f" and {count - len(named):,} more" if count > len(named) else ""
    return {"count": count, "accounts": ", ".join(named) + more}


def observe_endings(conn: Connection, known: Known, now: datetime) -> Iterator[Observation]:
    """Observe recent bad endings: one incident for each kind counts them from its beginning on."""
    for kind, status in ((IncidentKind.FAILED, Status.FAILED), (IncidentKind.EXPIRED, Status.EXPIRED)):
        yield from _gathered(kind, status_queries.ended_bookings(conn, status, _since(known, (kind, None), now)), now)
    for kind in sorted(NOTABLE):
        yield from _gathered(kind, events.latest(conn, [kind], _since(known, (kind, None), now)).get(kind), now)
    lost = known.get((IncidentKind.MESSAGES_LOST, None))
    if lost and (now - lost.last_seen_at).total_seconds() < QUIET:
        count = lost.occurrences
        yield Observation(IncidentKind.MESSAGES_LOST, count=count, seen_at=lost.last_seen_at, facts={"count": count})


def _since(known: Known, key: tuple[str, str | None], now: datetime) -> datetime:
    return (known[key].opened_at if key in known else now) - timedelta(seconds=QUIET)


def _gathered(kind: IncidentKind, ended: EndedBookings | Happened | None, now: datetime) -> Iterator[Observation]:
    if ended and (now - ended.last_at).total_seconds() < QUIET:
        facts: dict[str, Any] = {"count": ended.count, "first_id": str(ended.first_id)}
        if isinstance(ended, Happened):
            facts["ids"] = sorted(set(ended.ids))
        yield Observation(kind, count=ended.count, seen_at=ended.last_at, facts=facts)


def _open_breakers(status: BreakerStatus) -> list[str]:
    """Return the names of the breakers that are open; the service's own is ''.

    An endpoint that is half-open waits for traffic, perhaps for days, and would hide the next outage of all others.
    """
    endpoints = [name for name, scope in status.endpoints.items() if scope.state is State.OPEN]
    return ["", *endpoints] if status.state is State.OPEN else endpoints


def _without(risk: HoldRisk, others: Collection[HoldRisk]) -> HoldRisk | None:
    """Return `risk` without the `others` that it includes; None: nothing is left."""
    count, at_risk = (risk.count - sum(one.count for one in others), risk.at_risk - sum(one.at_risk for one in others))
    return replace(risk, count=count, at_risk=at_risk) if count > 0 else None


def _named(missing: Mapping[str, HoldRisk]) -> str:
    """Return the names of the event types that have been missing longest, and how many bookings wait for each."""
    counts = [f" ({risk.count:,})" if len(missing) > 1 else "" for risk in missing.values()]
    named = [name[:_LONGEST_NAME] + count for name, count in zip(missing, counts, strict=True)]
    more = f" and {len(named) - _FEW_TYPES:,} more" if len(named) > _FEW_TYPES else ""
    return ", ".join(named[:_FEW_TYPES]) + more


def _facts(risks: list[HoldRisk], lead: float) -> dict[str, Any]:
    """Return counts of held bookings; `until` is when the first booking at risk expires."""
    at_risk = sum(risk.at_risk for risk in risks)
    facts: dict[str, Any] = {"held": sum(risk.count for risk in risks), "at_risk": at_risk}
    if risks:
        facts["first_id"] = str(min(risk.first_id for risk in risks))
    if at_risk:
        until = min(risk.first_start for risk in risks) - timedelta(seconds=lead)
        facts["until"] = f"{until:%Y-%m-%d %H:%M} UTC"
    return facts

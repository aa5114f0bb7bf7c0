"""Outages: what one health check observes of each Cal.com and of the database, and what an outage holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from db.account_troubles import NO_TROUBLE, AccountTroubles, CommonCause
from db.appointments.queue import QUEUED
from db.lifecycle import HoldReason
from db.monitoring import status_queries
from db.monitoring.incidents import IncidentKind
from db.monitoring.status_queries import HoldRisk, RecordedCalls
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import Block, State
from resilience.error_types import ErrorType
from resilience.failure_detector import DetectorSettings, HealthStatus
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies
from tasks.incidents.observations import Held, Known, counted_since, hold_facts
from tasks.incidents.rules import Observation
from tasks.overview.outages import OutageLevel, outage_level

_OF_AN_OUTAGE = (*QUEUED, HoldReason.UNREACHABLE, HoldReason.SETTLING)
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
_LAST_MINUTE = 60.0  # seconds


@dataclass(frozen=True)
class Services:
    """The state of all services, also of healthy ones."""

    observations: tuple[Observation, ...]
    unknown: frozenset[tuple[str, str | None]]
    """Keys of incidents that this check cannot judge: these stay as they are."""
    block: Block
    """What stops bookings now, for this process's key and settings."""
    guarded: str
    """The settings' Cal.com."""
    half_open: frozenset[str]
    """The Cal.coms whose breaker has opened and waits for a call: an outage, as long as bookings wait for it."""
    hosts: Mapping[str, str]
    """The other Cal.coms, each with what operators call it."""
    shared: bool

    def is_calcom(self, service: str | None) -> bool:
        """Return whether a service is a Cal.com, whose bookings are held in an outage."""
        return service == self.guarded or service in self.hosts


def observe_services(deps: Dependencies) -> Services:
    """Return the state of each service, by its breaker and its calls.

    A Redis that is unavailable raises nothing. Another Cal.com that nobody has called for hours is left out.

    Raises:
        SQLAlchemyError: Postgres does not say which Cal.coms there are.
    """
    own, detector = deps.breaker.get_status(), deps.detector
    hosts = {one.name: one.host for one in deps.services.others()}
    breakers = {own.service: own}
    unknown = {(IncidentKind.OUTAGE, name) for name in hosts if not own.shared}
    if own.shared:  # a Redis that is gone is not waited for once more for each Cal.com
        in_use = (one.name for one in deps.services.in_use() if one.name != own.service)
        breakers |= {name: deps.services.breaker(name).get_status() for name in in_use}
    observations, half_open = [], set()
    for service in dict.fromkeys((*detector.services, *breakers)):
        status = breakers.get(service)
        # Without Redis this process knows only its own calls, and makes none. An operator's override is no outage.
        if not own.shared or (status and (not status.shared or status.state is State.FORCED_OPEN)):
            unknown.add((IncidentKind.OUTAGE, service))
            continue
        calls = detector.calls(service) if service in detector.services else deps.services.breaker(service).calls
        observations.append(_observed(detector.settings, detector.judge(calls), status, hosts.get(service)))
        # `opens` is 0 after an override that was ended: the breaker has not opened by itself.
        if status and status.state is State.HALF_OPEN and status.breaker.opens > 0:
            half_open.add(service)
    return Services(
        tuple(observations),
        frozenset(unknown),
        block=own.block(CREATE, key=deps.calcom.key_fingerprint, configuration=deps.calcom.settings_fingerprint),
        guarded=own.service,
        half_open=frozenset(half_open),
        hosts=hosts,
        shared=own.shared,
    )


def judge_by_record(conn: Connection, services: Services, settings: DetectorSettings, now: datetime) -> Services:
    """Judge each Cal.com by the recorded calls while Redis does not answer; the state of one may stay unknown."""
    if services.shared:
        return services
    since = now - timedelta(seconds=_LAST_MINUTE)
    recorded = status_queries.recorded_calls(conn, since, failed=_FAILED_THERE)
    judged = []
    for service, of in recorded.items():
        if services.is_calcom(service) and (level := _level_by_record(of, settings)) is not None:
            facts = _facts(of.calls, of.failed, of.failed / of.calls, services.hosts.get(service))
            judged.append(Observation(IncidentKind.OUTAGE, service, level, facts=facts))
    unknown = services.unknown - {one.key for one in judged}
    return replace(services, observations=(*services.observations, *judged), unknown=unknown)


def observe_outages(
    conn: Connection,
    services: Services,
    held: Mapping[HoldReason, HoldRisk],
    known: Known,
    now: datetime,
    *,
    lead: float,
    accounts: AccountTroubles = NO_TROUBLE,
) -> Iterator[Observation]:
    """Observe each outage: what it holds, and how many calls without a clear answer were booked nevertheless.

    `held` is what is held of all accounts. Where there are several (`accounts`), an outage holds what waits for it.
    """
    for one in services.observations:
        if not (one.level or one.subject in services.half_open):
            continue
        level, facts = one.level, dict(one.facts)
        if one.subject is not None and services.is_calcom(one.subject):
            waiting: Sequence[Held] = [held[reason] for reason in _OF_AN_OUTAGE if reason in held]
            if accounts.several:
                waiting = accounts.held(CommonCause.SERVICE, service=one.subject)
            level = OutageLevel.DOWN if one.subject in services.half_open and waiting else level
            if level:
                of = one.subject if services.hosts else None
                unclear = status_queries.unclear_calls(conn, counted_since(known, one.key, now), service=of)
                facts |= hold_facts(waiting, lead) | {"unclear": unclear.known, "booked": unclear.booked}
        if level:
            yield Observation(one.kind, one.subject, level, facts=facts)


def _observed(
    settings: DetectorSettings, health: HealthStatus, status: BreakerStatus | None, host: str | None
) -> Observation:
    """Return how bad a service is, also a healthy one; `status` None: no breaker guards it."""
    figures, level, where = health.figures, outage_level(settings, health), ""
    if status and (open_names := _open_breakers(status)):
        level = OutageLevel.DOWN
        where = "" if "" in open_names else f" ({', '.join(open_names)})"
    facts = _facts(figures.calls, figures.recent, figures.rate, host) | {"where": where}
    return Observation(IncidentKind.OUTAGE, health.service, level, facts=facts)


def _level_by_record(calls: RecordedCalls, settings: DetectorSettings) -> OutageLevel | None:
    """Return the level of an outage by the calls of a minute; None: they do not tell."""
    enough = calls.calls >= settings.minimum_calls
    is_degraded = enough and calls.failed / calls.calls >= settings.degraded_rate
    if calls.failed >= settings.critical_recent and (is_degraded or not enough):
        return OutageLevel.CRITICAL
    if is_degraded:
        return OutageLevel.DEGRADED
    # Where only a few probes were made, and all failed, the outage may go on.
    return None if calls.failed == calls.calls else OutageLevel.HEALTHY


def _facts(calls: int, recent: int, rate: float, host: str | None) -> dict[str, Any]:
    """Return what an outage's message says of the calls; `recent`: how many failed in the last minute."""
    facts = {"recent": recent, "calls": calls, "percent": round(100 * rate), "where": ""}
    return facts if host is None else facts | {"host": host}


def _open_breakers(status: BreakerStatus) -> list[str]:
    """Return the names of the breakers that are open; the service's own is ''.

    An endpoint that is half-open waits for traffic, perhaps for days, and would hide the next outage of all others.
    """
    endpoints = [name for name, scope in status.endpoints.items() if scope.state is State.OPEN]
    return ["", *endpoints] if status.state is State.OPEN else endpoints

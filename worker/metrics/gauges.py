"""Gauges of one reading; those of a server that does not answer are absent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily

from db.account_troubles import AccountTrouble, AccountTroubles
from db.appointments.queue import QUEUED
from db.lifecycle import OVER, ChangeStatus, HoldReason, Status
from db.models.accounts import AccountState
from db.monitoring.breaker_events import OTHERS
from db.monitoring.front_door import FrontDoor, by_state
from db.monitoring.incidents import IncidentKind
from db.monitoring.metric_totals import KeptFigures
from resilience.circuit_breaker.types import Block, State
from tasks.calcom_webhooks.hints import TRIGGERS
from tasks.overview.cards import Card, SharedView
from tasks.overview.reading import Overview
from tasks.overview.record import RecordView
from worker.metrics.labels import ENDPOINTS, OTHER, OUTCOMES, PREFIX, WAITS, one_of
from worker.version import version

Sample = tuple[Sequence[str], float]
_BLOCKS = tuple(block for block in Block if block is not Block.UNKNOWN)


def build() -> GaugeMetricFamily:
    """Return which release this process is: never absent."""
    return _gauge("build_info", "1, with the release of the process that is asked", ("version",), [((version(),), 1.0)])


def parts(overview: Overview) -> GaugeMetricFamily:
    """Return which servers answer; this gauge is never absent."""
    servers = {"postgres": overview.postgres, "redis": overview.redis, "broker": overview.broker}
    samples = (((name,), float(part.answers)) for name, part in servers.items())
    return _gauge("part_up", "1 if the server answers, else 0", ("part",), samples)


def of_shared(shared: SharedView) -> Iterator[GaugeMetricFamily]:
    """Yield the gauges from Redis: the breakers, the calls of the last five minutes, the limit."""
    if not shared.shared:
        return
    service, database = shared.service, shared.database
    cards = {card.name: card for card in shared.cards[:-1] if card.name in {service.name, *ENDPOINTS}}
    breakers = {name: cards.get(name) for name in (service.name, *ENDPOINTS)}
    states = (
        ((name, state.value), float(state.value == (card.state if card else State.CLOSED)))
        for name, card in breakers.items()
        for state in State
    )
    yield _gauge("breaker_state", "1 for the state that a breaker is in, 0 for all others", ("name", "state"), states)
    yield _moments("breaker_since_timestamp_seconds", "since when; 0: not known", breakers, "since")
    yield _moments(
        "breaker_next_probe_timestamp_seconds", "when the next probe may go; 0: none waits", breakers, "next_at"
    )
    counted = (service, database)
    calls = (((card.name,), float(card.calls or 0)) for card in counted)
    yield _gauge("service_calls", "Calls of the last five minutes", ("service",), calls)
    failures = (((card.name,), float(card.failed or 0)) for card in counted)
    yield _gauge("service_failures", "Those of them that failed", ("service",), failures)
    of = {"service": service.name}
    about = "Calls that the rate limit leaves; absent: no limit is known"
    yield _single("rate_limit_calls_left", about, service.limit_left, **of)
    window = shared.release_window or 0
    yield _single("release_window", "Held bookings that may be on their way at once", window, **of)


def of_record(record: RecordView) -> Iterator[GaugeMetricFamily]:
    """Yield the gauges of bookings, from Postgres."""
    held = {hold.reason: hold for hold in record.holds}
    moving = record.moving
    living = {
        Status.PENDING: moving.pending,
        Status.BOOKING: moving.booking,
        Status.RETRYING: moving.retrying,
        Status.HELD: sum(hold.count for hold in record.holds),
    }
    states = (((state.value,), float(count)) for state, count in living.items())
    yield _gauge("bookings", "Bookings on their way (1000: that many or more), and held", ("state",), states)
    counts = (((reason.value,), float(held[reason].count if reason in held else 0)) for reason in HoldReason)
    yield _gauge("held", "Held bookings", ("reason",), counts)
    holds = {reason: held[reason].oldest_held_at if reason in held else None for reason in HoldReason}
    yield _ages(
        "oldest_hold_seconds", "How long the oldest of these holds lasts; 0: nothing is held", record.now, holds
    )
    # A hold that ends and begins again (a failed probe, another try) is still the same wait.
    asked = {reason: held[reason].oldest_requested_at if reason in held else None for reason in HoldReason}
    about = "How long ago the first held booking was asked for; 0: nothing is held"
    yield _ages("oldest_held_request_seconds", about, record.now, asked)
    yield _services(record.accounts)
    yield from _front_door(record.front_door, record.now)
    at_risk = sum(hold.at_risk for hold in record.holds)
    yield _single("held_at_risk", "Held bookings that expire within two hours", at_risk)
    pending = _age(record.now, moving.oldest_pending_at)
    yield _single("oldest_pending_seconds", "How long the oldest pending one waits for a worker; 0: none does", pending)
    ticked = record.beat.ticked_at if record.beat else None
    tick = ticked.timestamp() if ticked else None
    yield _single("health_check_timestamp_seconds", "When beat's health check last ran; absent: never", tick)


def _front_door(door: FrontDoor, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield the gauges of changes, callbacks and Cal.com's webhooks."""
    changes, callbacks = by_state(door.changes), door.callbacks
    living = (((state.value,), float(changes.get(state, 0))) for state in ChangeStatus if state not in OVER)
    yield _gauge("changes", "Cancels and moves that are not over (1000 in all: that many or more)", ("state",), living)
    about = "How long ago the first open cancel or move was asked for; 0: none is open"
    yield _single("oldest_change_seconds", about, _age(now, door.oldest_change_at))
    counts = ((("waiting",), float(callbacks.waiting)), (("given_up",), float(callbacks.given_up)))
    yield _gauge("callbacks", "Callbacks that are not delivered (1000: that many or more)", ("state",), counts)
    about = "How long ago the first callback that waits was written; 0: none waits"
    yield _single("oldest_callback_seconds", about, _age(now, callbacks.oldest_at))
    hints = Counter[tuple[str, str]]()
    for one in door.hints:
        outcome = WAITS if one.outcome is None else one_of(one.outcome.replace(" ", "_"), OUTCOMES)
        hints[one_of(one.trigger, TRIGGERS), outcome] += one.count
    kinds = ((trigger, outcome) for trigger in (*TRIGGERS, OTHER) for outcome in OUTCOMES)
    samples = ((kind, float(hints[kind])) for kind in kinds)
    about = "Cal.com's webhooks of the last 24 hours, of the newest 1000, by what came of them"
    yield _gauge("calcom_webhooks", about, ("trigger", "outcome"), samples)


def of_accounts(known: AccountTroubles, states: Mapping[AccountState, int]) -> GaugeMetricFamily:
    """Return how many accounts there are, by state and trouble: as many series of 10,000 accounts as of one."""
    of_states = {AccountTrouble.PAUSED, AccountTrouble.CLOSED}
    troubles = [one for one in AccountTrouble if one not in of_states]
    holding = known.count(AccountTrouble.CLOSED)
    well = max(0, states.get(AccountState.ACTIVE, 0) - known.count(*troubles))
    samples = [
        (("active", "none"), float(well)),
        *((("active", one.value), float(known.count(one))) for one in troubles),
        (("paused", "none"), float(states.get(AccountState.PAUSED, 0))),
        (("closed", "none"), float(max(0, states.get(AccountState.CLOSED, 0) - holding))),
        (("closed", "closed"), float(holding)),
    ]
    return _gauge("accounts", "Accounts at Cal.com, by what stops them alone", ("state", "trouble"), samples)


def _services(known: AccountTroubles) -> GaugeMetricFamily:
    """Return how many other Cal.coms there are, by the breaker's state: a hundred have as many series as none."""
    states = Counter(one.state for one in known.services if one.state != State.CLOSED)
    states[State.CLOSED] = max(0, len(known.other_services) - states.total())
    samples = (((OTHERS, state.value), float(states[state])) for state in State)
    about = "Cal.coms of accounts beside that of the settings, by the state of the breaker"
    return _gauge("services", about, ("service", "state"), samples)


def of_queue(overview: Overview) -> Iterator[GaugeMetricFamily]:
    """Yield how many bookings wait in the line, by what the line waits for now; absent without either server."""
    if overview.record is None or not overview.shared.shared:
        return
    held = float(sum(hold.count for hold in overview.record.holds if hold.reason in QUEUED))
    waits = (((block.value,), held if block is overview.shared.block else 0.0) for block in _BLOCKS)
    yield _gauge("line", "Held bookings of the line, by what stops it now (nothing: they go)", ("waits_for",), waits)


def of_kept(kept: KeptFigures) -> Iterator[GaugeMetricFamily]:
    """Yield the gauges from Postgres that are not part of an overview."""
    about = "Bookings that Cal.com may have, and nobody knows (1000: that many or more)"
    yield _single("outcome_unknown", about, kept.unknown)
    kinds = (((kind.value,), float(kept.incidents.get(kind, 0))) for kind in IncidentKind)
    yield _gauge("incident_open", "Open incidents", ("kind",), kinds)
    lag = None if kept.lag is None else max(0.0, kept.lag)
    yield _single("aggregation_lag_seconds", "How late counters and histograms are", lag)


def _moments(name: str, about: str, breakers: dict[str, Card | None], field: str) -> GaugeMetricFamily:
    moments = ((of, getattr(card, field) if card else None) for of, card in breakers.items())
    return _gauge(name, f"Of a breaker: {about}", ("name",), (((of,), _timestamp(at)) for of, at in moments))


def _ages(name: str, about: str, now: datetime, since: Mapping[HoldReason, datetime | None]) -> GaugeMetricFamily:
    return _gauge(name, about, ("reason",), (((reason.value,), _age(now, at)) for reason, at in since.items()))


def _timestamp(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _age(now: datetime, since: datetime | None) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _single(name: str, about: str, value: float | None, **labels: str) -> GaugeMetricFamily:
    """Return a gauge with one sample; `value` None: without a sample."""
    samples = [] if value is None else [(tuple(labels.values()), float(value))]
    return _gauge(name, about, tuple(labels), samples)


def _gauge(name: str, about: str, labels: Sequence[str], samples: Iterable[Sample]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, about, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family

"""One reading of the whole state, for the Resilience page, `booking status` and the exporter.

It holds moments and counts, never ages, and no personal data. The data of a server that does not answer is None.
"""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, TypeVar

from kombu.utils.url import url_to_parts
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from booking_client.database.errors import NOT_MIGRATED
from db.connection import deadline
from db.monitoring import heartbeats
from db.snapshot import snapshot
from resilience.circuit_breaker.types import State
from resilience.shared_state.client import make_redis
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.overview.cards import DATABASE, SERVICE, UNKNOWN, Card, SharedView, read_shared
from tasks.overview.record import RecordView, read_record

PATIENCE = 1.0  # seconds in which Postgres must have answered all queries
_LATER = 0.3  # seconds that the reading waits longer than PATIENCE
_BROKER_PATIENCE = 0.15  # seconds to connect, and to answer
_STEPS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)  # ms
QUEUES = ("bookings", "maintenance")
_NEAR = 4.0  # a time that differs by at most this factor counts as the same
_REDIS = ("redis:", "rediss:", "sentinel:")
_PORTS = {"amqp": 5672, "pyamqp": 5672, "amqps": 5671, "redis": 6379, "rediss": 6379, "sentinel": 26379}

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PartState:
    """Whether a server answers; `since`: when it stopped, if known; `ms`: how long its answer took, rounded."""

    answers: bool
    since: datetime | None = None
    ms: float | None = None
    is_late: bool = False
    """Its last answer has not come in time: it is busy, or frozen; the next reading tells which."""


@dataclass(frozen=True, slots=True)
class BrokerState:
    """Whether the broker answers, and how many messages wait in each queue (None: not known)."""

    answers: bool
    queues: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole state at `read_at`, by Postgres's clock while it answers."""

    read_at: datetime
    postgres: PartState
    redis: PartState
    broker: PartState
    shared: SharedView
    """What the fleet shares in Redis."""
    record: RecordView | None
    """None: Postgres does not answer, or not in time."""
    limit: int
    """Calls a minute of our own rate limit; 0: no limit."""
    lead: timedelta
    """How close to its start a booking may still be made."""
    max_age: timedelta | None
    """How long a hold may last before an operator must know; None: there is no limit."""
    lacks_tables: bool = False
    """Postgres answers, and the migrations have not run."""

    queues: Mapping[str, int] | None = None
    """How many messages wait in each queue; None: the broker does not say it quickly."""
    key_refused_at: datetime | None = None

    @property
    def postgres_is_slow(self) -> bool:
        """Whether Postgres answers, and the record cannot be read in time: a table is locked, or all is slow."""
        return self.postgres.answers and self.record is None

    @property
    def service(self) -> Card:
        """The card of Cal.com's breaker."""
        return self.shared.service


def read_overview(deps: Dependencies, *, patience: float = PATIENCE, before: Overview | None = None) -> Overview:
    """Read the whole state in about `patience` seconds, even if servers do not answer; a server's error is not raised.

    `before` is this process's last reading: it shows since when a server has not answered.
    """
    ends_at = time.monotonic() + patience + _LATER
    thread = ThreadPoolExecutor(1)  # Postgres has a pool of connections, and each thread has its own to Redis
    asked = thread.submit(_ask_postgres, deps, patience)
    thread.shutdown(wait=False)
    with deadline(patience):  # a Redis that has forgotten the breaker gets the overrides in force, from Postgres
        shared, redis_ms = _timed(read_shared, deps)
    asked_broker, broker_ms = _timed(ask_broker, deps.broker_url)
    try:
        record, postgres_ms, lacks_tables = asked.result(max(0.0, ends_at - time.monotonic()))
    except TimeoutError:  # perhaps a host name does not resolve: no deadline ends that
        record, postgres_ms, lacks_tables = None, None, False
    is_late = time.monotonic() > ends_at - _LATER
    at = record.now if record else datetime.now(UTC)
    timings = deps.timings
    postgres = _postgres(at, postgres_ms, before.postgres if before else None, is_late=is_late)
    redis = _part(at, redis_ms if shared.redis_answers else None, before.redis if before else None)
    return Overview(
        read_at=at,
        postgres=postgres,
        redis=redis,
        broker=_part(at, broker_ms if asked_broker.answers else None, before.broker if before else None),
        shared=replace(shared, cards=tuple(_cards(shared, record, postgres, redis))),
        record=record and _with_default(record, shared),
        limit=deps.breaker.settings.rate_limit,
        lead=timedelta(seconds=timings.lead),
        max_age=timedelta(seconds=timings.max_age) if timings.max_age else None,
        lacks_tables=lacks_tables,
        queues=asked_broker.queues,
        key_refused_at=record.refused_at(deps.calcom.key_fingerprint) if record else None,
    )


def ask_broker(url: str) -> BrokerState:
    """Return whether a broker answers: Redis tells its queues, any other broker accepts a connection. It never raises.

    If there are several addresses, one answer is enough.
    """
    if url.startswith(_REDIS):
        if url.startswith("sentinel:"):  # kombu takes the master's name as an option, not in the URL
            url = f"{url}?master_name={app.conf.broker_transport_options.get('master_name')}"
        try:
            with make_redis(url, timeout=_BROKER_PATIENCE, connect_timeout=_BROKER_PATIENCE) as client:
                pipe = client.pipeline(transaction=False)
                for name in QUEUES:
                    pipe.llen(name)
                return BrokerState(answers=True, queues=dict(zip(QUEUES, pipe.execute(), strict=True)))
        except (RedisError, OSError):
            return BrokerState(answers=False)
        except (TypeError, ValueError):
            pass  # an option that kombu knows, and redis-py does not
    return BrokerState(answers=any(_connects(one) for one in url.split(";") if one))


def _connects(url: str) -> bool:
    parts = url_to_parts(url)
    try:
        if parts.scheme.endswith("+socket"):
            with socket.socket(socket.AF_UNIX) as local:
                local.settimeout(_BROKER_PATIENCE)
                local.connect(f"/{parts.path}")
            return True
        port = parts.port or _PORTS.get(parts.scheme, _PORTS["amqp"])
        with socket.create_connection((parts.hostname or "localhost", port), timeout=_BROKER_PATIENCE):
            return True
    except OSError:
        return False


def _ask_postgres(deps: Dependencies, patience: float) -> tuple[RecordView | None, float | None, bool]:
    """Return the record (None: not read), after how many ms Postgres answered, and whether tables are missing.

    The time is asked first: a server that answers this is there, however long the record takes.
    """
    ms = None
    try:
        with deadline(patience), snapshot(deps.engine) as conn:
            now, ms = _timed(heartbeats.now, conn)
            return read_record(conn, now, deps.breaker.service, deps.timings), ms, False
    except SQLAlchemyError as exc:
        lacks_tables = getattr(exc.__cause__, "sqlstate", None) in NOT_MIGRATED
        return None, None if lacks_tables else ms, lacks_tables


def _with_default(record: RecordView, shared: SharedView) -> RecordView:
    """Return the record with what only Redis knows: that the key or the settings of `default` stop its line."""
    if not record.accounts.several or shared.stops_default is None:
        return record
    return replace(record, accounts=record.accounts.with_default_stopped(shared.stops_default))


def _timed(ask: Callable[P, Result], *arguments: P.args, **named: P.kwargs) -> tuple[Result, float]:
    began = time.perf_counter()
    answer = ask(*arguments, **named)
    return answer, round(1000 * (time.perf_counter() - began), 1)


def _cards(shared: SharedView, record: RecordView | None, postgres: PartState, redis: PartState) -> Iterator[Card]:
    """Yield the cards with what only the record has: since when a card is unknown, who gave an override, and why."""
    override = record.override if record else None
    for card in shared.cards:
        if card.kind == DATABASE and not postgres.answers:
            yield replace(card, state=UNKNOWN, since=postgres.since)
        elif card.state == UNKNOWN:
            yield replace(card, since=redis.since)
        elif override and card.kind == SERVICE and card.state in {State.FORCED_OPEN, State.OFF}:
            yield replace(card, by=override.by, why=override.why or None, until=override.until)
        else:
            yield card


def _postgres(at: datetime, ms: float | None, before: PartState | None, *, is_late: bool) -> PartState:
    """Return whether it answers: one answer that is late does not decide, as a refused connection does."""
    if ms is None and is_late and before is not None and before.answers and not before.is_late:
        return PartState(answers=True, since=at, is_late=True)
    return _part(at, ms, before)


def _part(at: datetime, ms: float | None, before: PartState | None) -> PartState:
    """Return whether a server answers; `ms` None: it does not, and stopped now if it answered at the last reading."""
    if ms is not None:
        return PartState(answers=True, ms=_roughly(ms, before.ms if before else None))
    if before is None:
        return PartState(answers=False)
    return PartState(answers=False, since=before.since if before.is_late or not before.answers else at)


def _roughly(ms: float, before: float | None) -> float:
    """Return the next of 1, 2, 5, 10, ... ms; or the last reading's value if near, so that it rarely changes."""
    if before is not None and before / _NEAR <= ms <= before * _NEAR:
        return before
    return next((step for step in _STEPS if ms <= step), _STEPS[-1])

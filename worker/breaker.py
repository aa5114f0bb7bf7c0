"""Build the breaker and the detector from the settings; log the breaker's changes, and record a refused key."""

from dataclasses import asdict
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.monitoring import overrides
from db.queue import waits
from resilience.call_stats.stats import CallStats
from resilience.circuit_breaker.account import OWN_SERVICE
from resilience.circuit_breaker.breaker import CalcomCircuitBreaker, CircuitBreaker
from resilience.circuit_breaker.events import BreakerChanged, Event, KeyBlocked, OverridesUnreadable, SettingsDiffer
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.failure_detector import DetectorSettings, FailureDetector
from resilience.shared_state.client import make_redis
from resilience.shared_state.events import SharedStateBack, SharedStateLost
from resilience.shared_state.state import ThreadConnections
from tasks.calcom.client import CalcomClient
from tasks.host.log import Logger
from tasks.operations.breaker_overrides import in_force
from worker import database_calls
from worker.schedule import COUNT_WINDOW
from worker.settings.model import MARGIN, Settings

_WARNINGS = (BreakerChanged, KeyBlocked, OverridesUnreadable, SettingsDiffer, SharedStateBack, SharedStateLost)

log = Logger("breaker")


def make_breaker(
    settings: Settings,
    engine: Engine,
    calcom: CalcomClient | None = None,
    *,
    service: str = OWN_SERVICE,
    redis: ThreadConnections | None = None,
    count_window: float = COUNT_WINDOW,
) -> CalcomCircuitBreaker:
    """Build this process's end of a breaker that the fleet shares; without `calcom`, one that knows no key.

    `redis`: connections that it shares with the breakers of other services; None: it has its own.
    """

    def listen(event: Event) -> None:
        level = log.warning if isinstance(event, _WARNINGS) else log.info
        level(_event_name(type(event)), **asdict(event))
        if isinstance(event, KeyBlocked):
            _record_block(engine, event)

    return CalcomCircuitBreaker(
        service,
        redis=redis or make_connections(settings),
        settings=BreakerSettings(
            threshold=settings.circuit_breaker_threshold,
            window=settings.circuit_breaker_window,
            open_for=settings.circuit_breaker_half_open_timeout,
            open_max=settings.circuit_breaker_open_max,
            permit_lease=settings.calcom_deadline + MARGIN,
            rate_limit=settings.calcom_rate_limit_per_minute,
            release_max=settings.hold_release_max,
            count_window=count_window,
        ),
        key=calcom.key_fingerprint if calcom else "",
        configuration=calcom.settings_fingerprint if calcom else "",
        overrides=lambda: in_force(engine, service),
        waiting=partial(_waiting, engine),
        emit=listen,
    )


def _waiting(engine: Engine, most: int) -> int:
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        return waits.waiting_for_a_worker(conn, most)


def make_connections(settings: Settings) -> ThreadConnections | None:
    """Build the connections to Redis that breakers share; None: the settings name no Redis."""
    return ThreadConnections(make_redis(settings.redis_url)) if settings.redis_url else None


def make_database_calls(settings: Settings, engine: Engine, *, count_window: float = COUNT_WINDOW) -> CallStats:
    """Build the statistics of the engine's statements, counted as calls of the service `database`."""
    calls = CallStats(
        database_calls.SERVICE,
        redis=make_redis(settings.redis_url) if settings.redis_url else None,
        window=count_window,
    )
    database_calls.count_statements(engine, calls)
    return calls


def make_detector(settings: Settings, breaker: CircuitBreaker, database: CallStats) -> FailureDetector:
    """Build the detector that judges Cal.com by the guarded calls, and the database by the engine's statements."""
    return FailureDetector(
        (breaker, database),
        settings=DetectorSettings(
            degraded_rate=settings.failure_degraded_rate, critical_recent=settings.failure_critical_recent
        ),
    )


def _record_block(engine: Engine, event: KeyBlocked) -> None:
    try:
        with engine.begin() as conn:
            overrides.add(
                conn,
                event.service,
                "credentials",
                by="worker",
                why="Cal.com refused this key",
                key_fingerprint=event.fingerprint,
            )
    except SQLAlchemyError as exc:  # Redis has it, too: it is lost only if both fail
        log.warning("key_block_not_written", error=type(exc).__name__)


def _event_name(event: type) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in event.__name__).lstrip("_")

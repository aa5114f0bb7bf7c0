"""Settings into objects: the one place that knows every concrete class and fills the slot of `tasks`."""

from collections.abc import Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from resilience.call_limit import CallLimit
from resilience.retry_policy import RetryPolicy
from resilience.shared_readings import SharedReadings
from resilience.shared_state.client import make_redis
from tasks.accounts.callers import Callers
from tasks.accounts.door import Door
from tasks.accounts.keys import KeyCipher
from tasks.accounts.services import CalcomServices
from tasks.calcom.access import CALCOM_RATE
from tasks.calcom.client import CalcomClient
from tasks.dependencies import Dependencies, Timings, fill
from tasks.ports.callbacks import CallbackSettings
from worker import celery_app as celery_app  # noqa: PLC0414 - its import configures our Celery application
from worker.alerts.sinks import AlertSinks
from worker.breaker import make_breaker, make_connections, make_database_calls, make_detector
from worker.engine import engine_of
from worker.running import running
from worker.schedule import COUNT_WINDOW
from worker.settings.model import MARGIN, Settings

SLOTS = "slots"
SLOTS_FRESH = 15.0  # seconds that an answer about free times counts
SLOTS_SHARE = 5  # they take one call in so many


def build() -> Dependencies:
    """Build what this process's tasks work with; connections are made when they are first used."""
    return build_from(running(Settings.load()))


def configure(settings: Settings) -> None:
    """Use these settings in this process, instead of the environment's and .env's; bookings of before keep theirs.

    Raises:
        SettingsError: A URL is not given and no `booking up` runs here.
    """
    given = running(settings)
    celery_app.reconfigure(given)
    fill(lambda: build_from(given))


def build_from(settings: Settings, *, count_window: float = COUNT_WINDOW, **connections: int) -> Dependencies:
    """Build the dependencies from given settings; calls are counted in windows of `count_window` seconds.

    `connections` are as in `engine_of`.
    """
    engine = engine_of(settings, **connections)
    calcom = CalcomClient(
        base_url=settings.calcom_base_url,
        api_key=settings.calcom_api_key.get_secret_value() if settings.calcom_api_key else "",
        connect_timeout=settings.calcom_connect_timeout,
        read_timeout=settings.calcom_read_timeout,
        deadline=settings.calcom_deadline,
    )
    redis = make_connections(settings)
    make = partial(make_breaker, settings, engine, redis=redis, count_window=count_window)
    breaker = make(calcom)
    database_calls = make_database_calls(settings, engine, count_window=count_window)
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    callers = Callers(autocommit, breaker.account)
    return Dependencies(
        engine=engine,
        autocommit=autocommit,
        calcom=calcom,
        caller=breaker.account,
        callers=callers,
        door=Door(autocommit, calcom, KeyCipher(settings.account_encryption_keys)),
        services=CalcomServices(
            autocommit, callers, breaker, settings.calcom_base_url, lambda service: make(service=service)
        ),
        breaker=breaker,
        detector=make_detector(settings, breaker, database_calls),
        database_calls=database_calls,
        policy=RetryPolicy(
            delays=settings.retry_delays,
            jitter=settings.retry_jitter,
            max_attempts=settings.retry_max_attempts,
            transient_errors=settings.retry_transient_errors,
        ),
        timings=Timings(
            deadline=settings.calcom_deadline,
            margin=MARGIN,
            settle_unanswered=settings.calcom_settle_seconds,
            settle_answered=settings.calcom_settle_answered_seconds,
            open=settings.circuit_breaker_half_open_timeout,
            lead=settings.hold_lead,
            max_age=settings.hold_max_age,
            retention=settings.retention_days * 86_400,
        ),
        broker_url=settings.broker_url or "",
        page_url=settings.page_url,
        alerts=AlertSinks(settings.alert_urls),
        slots=_slot_readings(settings, callers),
        callbacks=CallbackSettings(
            secrets=settings.callback_secret,
            networks=settings.callback_networks,
            loopback=settings.callback_loopback_for_tests,
        ),
        webhook_secrets=settings.calcom_webhook_secret,
    )


def _slot_readings(settings: Settings, callers: Callers) -> SharedReadings:
    """Build what reads free times: in any minute at most a fifth of an account's limit; bookings have the rest."""
    redis = make_redis(settings.redis_url) if settings.redis_url else None
    usual = settings.calcom_rate_limit_per_minute or CALCOM_RATE

    def rate_of(account: str | None) -> int:
        try:
            known = callers.named([account]).get(account)
        except SQLAlchemyError:  # then the door to the account stays shut, and nothing is read
            return usual
        return usual if known is None else known.rate_limit or usual

    may_read = reading_share(CallLimit(SLOTS, redis), rate_of)
    return SharedReadings(SLOTS, redis, fresh=SLOTS_FRESH, may_read=may_read)


def reading_share(limit: CallLimit, rate_of: Callable[[str | None], int]) -> Callable[[str | None], bool]:
    """Return what counts a reading of an account (None: `default`) if it is within the share of its limit.

    A minute has those at once and those that come back.
    """

    def may_read(account: str | None) -> bool:
        share = max(1, rate_of(account) // SLOTS_SHARE)
        at_once = max(1, share // 4)
        name = "readings" if account is None else f"readings:{account}"
        return not limit.wait(name, share - at_once + 1, at_once=at_once)

    return may_read


fill(build)

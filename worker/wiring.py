"""Settings into objects: the one place that knows every concrete class and fills the slot of `tasks`."""

from db.engine import POOL_SIZE, make_engine
from resilience.retry_policy import RetryPolicy
from tasks.accounts.door import Door
from tasks.accounts.keys import KeyCipher
from tasks.calcom.client import CalcomClient
from tasks.dependencies import CallbackSettings, Dependencies, Timings, fill
from worker import celery_app as celery_app  # noqa: PLC0414 - its import configures our Celery application
from worker.alerts.sinks import AlertSinks
from worker.breaker import make_breaker, make_database_calls, make_detector
from worker.running import running
from worker.schedule import COUNT_WINDOW
from worker.settings.model import MARGIN, Settings


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


def build_from(settings: Settings, *, count_window: float = COUNT_WINDOW, pool_size: int = POOL_SIZE) -> Dependencies:
    """Build the dependencies from given settings; calls are counted in windows of `count_window` seconds.

    `pool_size` connections to Postgres are opened at most.
    """
    engine = make_engine(settings.database_url or "", pool_size=pool_size, schema=settings.database_schema)
    calcom = CalcomClient(
        base_url=settings.calcom_base_url,
        api_key=settings.calcom_api_key.get_secret_value() if settings.calcom_api_key else "",
        connect_timeout=settings.calcom_connect_timeout,
        read_timeout=settings.calcom_read_timeout,
        deadline=settings.calcom_deadline,
    )
    breaker = make_breaker(settings, engine, calcom, count_window=count_window)
    database_calls = make_database_calls(settings, engine, count_window=count_window)
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    return Dependencies(
        engine=engine,
        autocommit=autocommit,
        calcom=calcom,
        door=Door(autocommit, calcom, KeyCipher(settings.account_encryption_keys)),
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
        callbacks=CallbackSettings(
            secrets=settings.callback_secret,
            networks=settings.callback_networks,
            loopback=settings.callback_loopback_for_tests,
        ),
        webhook_secrets=settings.calcom_webhook_secret,
    )


fill(build)

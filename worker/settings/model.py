"""Every setting: its name, default, unit and what zero means. The only reader of the environment.

Values come from the environment, then from `.env` in the current folder. An empty value counts as not given. Each name
may have BOOKING_ before it, for the host may use the bare one for itself; that wins.
docs/settings.md and .env.example are generated from this file (`python -m worker.settings.table`).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from resilience.retry_policy import TransientErrors
from resilience.shared_state.sentinel import SentinelAddress
from worker.settings.environment import given_texts, prefixed, slips
from worker.settings.texts import problem_line, text_of
from worker.settings.values import (
    NO_CLUSTER,
    PAGE,
    ApiKey,
    BaseUrl,
    BrokerUrl,
    Delays,
    EncryptionKeys,
    ListenAddress,
    Networks,
    PageUrl,
    PostgresUrl,
    RedisUrl,
    SecretList,
    Transient,
    place_of,
)

MARGIN = 10.0  # seconds that a claim, and a permit, outlive the longest call
LEAST_RATE = 7  # calls a minute: of these the next one is less than a margin away


class SettingsError(ValueError):
    """Say what is wrong with the settings, one line a problem: `NAME: what is wrong; what to do`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _setting(default: Any, meaning: str, *, unit: str = "", zero: str = "", **limits: Any) -> Any:
    """Describe one setting; `unit` and `zero` (what 0 means) become columns of docs/settings.md."""
    return Field(default=default, description=meaning, json_schema_extra={"unit": unit, "zero": zero}, **limits)


class Settings(BaseModel):
    """Hold every setting, checked. Build it with `Settings.load()`, which explains what is wrong.

    `CIRCUIT_BREAKER_WINDOW` is `settings.circuit_breaker_window`; times are seconds. Frozen: use `model_copy`.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, allow_inf_nan=False, validate_default=True)

    # Where things are
    database_url: PostgresUrl | None = _setting(
        None, "PostgreSQL; not given: the embedded one of `booking up`", unit="URL", repr=False
    )
    database_schema: str | None = _setting(
        None,
        "the schema of our tables, in a database that has others; not given: the first of the search path",
        unit="schema",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
    )
    database_direct_url: PostgresUrl | None = _setting(
        None,
        "PostgreSQL without PgBouncer between, for the connection that listens to clients; not given: DATABASE_URL",
        unit="URL",
        repr=False,
    )
    redis_url: RedisUrl | None = _setting(
        None,
        "Redis or Valkey, also redis+cluster:// or sentinel://HOST:26379;sentinel://HOST2:26379?master_name=mymaster; "
        "not given: the embedded one of `booking up`",
        unit="URL",
        repr=False,
    )
    celery_broker_url: BrokerUrl | None = _setting(
        None, "Celery's broker, Redis (also sentinel://) or RabbitMQ; not given: REDIS_URL", unit="URL", repr=False
    )
    booking_home: Path = _setting(Path(".booking"), "where `booking up` keeps its servers' data", unit="folder")

    # Cal.com
    calcom_base_url: BaseUrl = _setting("https://api.cal.com", "Cal.com's API, without /v2", unit="URL")
    calcom_api_key: ApiKey | None = _setting(None, "the API key; its owner must be able to see the bookings it makes")
    account_encryption_keys: EncryptionKeys = _setting(
        (), "encrypt the API keys of further accounts: Fernet keys, separated by blanks; the first encrypts", repr=False
    )
    calcom_connect_timeout: float = _setting(5.0, "for a connection to Cal.com", unit="s", zero="refused", gt=0, le=600)
    calcom_read_timeout: float = _setting(
        30.0, "between two pieces of Cal.com's answer", unit="s", zero="refused", gt=0, le=600
    )
    calcom_deadline: float = _setting(
        40.0,
        "for a whole call; a lease and a probe's permit last this plus a margin",
        unit="s",
        zero="refused",
        gt=0,
        le=600,
    )
    calcom_settle_seconds: float = _setting(
        130.0, "how long an unanswered call may still turn into a booking", unit="s", zero="at once", ge=0, le=86400
    )
    calcom_settle_answered_seconds: float = _setting(
        5.0, "the same when Cal.com answered with an error", unit="s", zero="at once", ge=0, le=86400
    )
    calcom_rate_limit_per_minute: int = _setting(
        100,
        "calls that all workers together may send in any 60 s; what Cal.com's answers tell is kept in any case",
        unit="calls",
        zero="no limit of our own",
        ge=0,
    )

    # Circuit breaker
    circuit_breaker_threshold: int = _setting(
        5,
        "failures in a row that open the breaker; above 1000 it never opens",
        unit="failures",
        zero="refused",
        ge=1,
    )
    circuit_breaker_window: float = _setting(
        60.0, "how old the first of those failures may be", unit="s", zero="refused", gt=0
    )
    circuit_breaker_half_open_timeout: float = _setting(
        30.0, "how long the breaker stays open before a probe may go", unit="s", zero="refused", gt=0
    )
    circuit_breaker_open_max: float = _setting(
        600.0, "the longest that it stays open, whatever Cal.com's Retry-After says", unit="s", zero="refused", gt=0
    )

    # Retries
    retry_max_attempts: int = _setting(3, "retries after the first call", unit="retries", zero="no retry", ge=0, le=100)
    retry_delays: Delays = _setting((1.0, 2.0, 4.0), "before each retry", unit="s", zero="at once")
    retry_jitter: float = _setting(
        0.1, "each delay is this share longer or shorter, by chance", unit="share", zero="no jitter", ge=0, lt=1
    )
    retry_transient_errors: Transient = _setting(
        TransientErrors(), "errors worth a retry: timeout (or no connection), 5xx, statuses"
    )

    # Holding
    hold_max_age: float = _setting(900.0, "a booking held longer is flagged degraded", unit="s", zero="never", ge=0)
    hold_lead: float = _setting(0.0, "a booking whose start is nearer expires", unit="s", zero="up to the start", ge=0)
    hold_release_max: int = _setting(
        64, "held bookings released into flight at most", unit="bookings", zero="refused", ge=1
    )

    # HTTP
    http_address: ListenAddress = _setting(
        "127.0.0.1:8080", "where `booking serve` listens; a proxy with TLS stands before it", unit="HOST:PORT"
    )
    trusted_proxies: Networks = _setting(
        (), "proxies whose X-Forwarded-For or Forwarded is believed; only wrong keys are counted by it", unit="networks"
    )

    # Failures
    failure_degraded_rate: float = _setting(
        0.25, "share of failed calls from which Cal.com counts as degraded", unit="share", zero="refused", gt=0, le=1
    )
    failure_critical_recent: int = _setting(
        3, "failures in the last minute from which Cal.com counts as critical", unit="per minute", zero="refused", ge=1
    )

    # Watching
    retention_days: int = _setting(
        90, "how long metrics, events and final bookings are kept", unit="days", zero="keep for ever", ge=0
    )
    audit_hour: int | None = _setting(
        3,
        "the hour of the day (UTC) from which bookings are compared with Cal.com's list; empty: never",
        unit="hour",
        zero="midnight",
        ge=0,
        le=23,
    )
    metrics_address: ListenAddress | None = _setting(
        None, "where Prometheus reads, without a login, such as 127.0.0.1:9464; not given: nowhere", unit="HOST:PORT"
    )
    alert_urls: SecretList = _setting((), "where alerts go: Apprise URLs, separated by blanks", unit="URLs", repr=False)
    fleet_name: str | None = _setting(
        None,
        "this fleet's name on its pages, such as production; not given: the database's host and name",
        pattern=r"^[^\x00-\x1f]{1,60}$",
    )
    page_url: PageUrl = _setting(
        PAGE, "the Resilience page's address in alerts, such as https://flower.example.com/resilience", unit="URL"
    )
    log_format: Literal["auto", "console", "json"] = _setting("auto", "auto: readable on a terminal, JSON elsewhere")
    log_file: Path | None = _setting(None, "a file that the log goes to instead of the terminal", unit="file")

    @property
    def fleet(self) -> str:
        """Return what tells this fleet from another one: FLEET_NAME, else the database's place."""
        return self.fleet_name or place_of(self.database_url or "", self.database_schema)

    @property
    def broker_url(self) -> str | None:
        """Return Celery's broker as kombu reads it: CELERY_BROKER_URL, else REDIS_URL, else None (embedded)."""
        return self._sentinels.kombu_url if self._sentinels else self.celery_broker_url or self.redis_url

    @property
    def broker_master_name(self) -> str | None:
        """Return what Sentinels call the broker; None: it has none."""
        return self._sentinels.master_name if self._sentinels else None

    @property
    def _sentinels(self) -> SentinelAddress | None:
        url = self.celery_broker_url or self.redis_url or ""
        return SentinelAddress.parse(url) if url.startswith("sentinel:") else None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not self.celery_broker_url and (self.redis_url or "").partition(":")[0].endswith("+cluster"):
            raise ValueError(f"REDIS_URL: {NO_CLUSTER}")
        longest = max(self.calcom_connect_timeout, self.calcom_read_timeout)
        if self.calcom_deadline < longest:
            raise ValueError(f"CALCOM_DEADLINE: is shorter than a time-out within it; set it to {longest:g} s or more")
        if self.calcom_connect_timeout >= MARGIN:
            raise ValueError(
                f"CALCOM_CONNECT_TIMEOUT: must be below {MARGIN:g} s: a claim waits no longer for its first byte"
            )
        if 0 < self.calcom_rate_limit_per_minute < LEAST_RATE:
            raise ValueError(
                f"CALCOM_RATE_LIMIT_PER_MINUTE: below {LEAST_RATE} an unclear answer is never settled, for that takes "
                "several calls within one claim; set it higher, or to 0 for no limit of our own"
            )
        if self.circuit_breaker_open_max < self.circuit_breaker_half_open_timeout:
            raise ValueError(
                "CIRCUIT_BREAKER_OPEN_MAX: is shorter than CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT; "
                f"set it to {self.circuit_breaker_half_open_timeout:g} s or more"
            )
        return self

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read and check the settings; `given` (field names) stands above the environment.

        Raises:
            SettingsError: one line a problem, without the values.
        """
        if strange := given.keys() - cls.model_fields.keys():
            raise TypeError(f"no such settings: {', '.join(sorted(strange))}")
        try:
            return cls(**{**given_texts(cls.model_fields), **given})
        except ValidationError as error:
            problems = [
                problem_line(detail, cls.model_fields)
                for detail in error.errors(include_url=False, include_input=False)
            ]
        except UnicodeDecodeError:
            problems = [".env: is not UTF-8; save it as UTF-8"]
        except OSError as error:
            problems = [f".env: cannot be read ({type(error).__name__}); check its permissions"]
        raise SettingsError(problems)

    def environment(self) -> dict[str, str]:
        """Return the environment for a child process, so that it loads these very settings. Holds secrets."""
        texts = dict(self._texts())
        bare = {field.upper(): text for field, text in texts.items()}
        named = {prefixed(field): text for field, text in texts.items()}  # they win over an .env that the child reads
        return {**os.environ, **bare, **named}  # noqa: TID251 - this file is the one reader

    @classmethod
    def misspelt(cls) -> list[str]:
        """Name what the environment or .env has that is a slip of the pen, one line each."""
        return slips(cls.model_fields)

    @staticmethod
    def sends_traces() -> bool:
        """Return whether OpenTelemetry's own variables name a collector; its SDK reads the environment, and no .env."""
        given = os.environ  # noqa: TID251 - this file is the one reader
        if given.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return False
        return bool(given.get("OTEL_EXPORTER_OTLP_ENDPOINT") or given.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))

    def _texts(self) -> Iterator[tuple[str, str]]:
        for field in type(self).model_fields:
            value = getattr(self, field)
            yield field, "" if value is None else text_of(value)

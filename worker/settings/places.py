"""The settings that say where the servers are."""

from pathlib import Path

from resilience.shared_state.sentinel_address import SentinelAddress
from worker.settings.setting import Subject, setting
from worker.settings.values import BrokerUrl, PostgresUrl, RedisUrl


class PlaceSettings(Subject):
    """Say where PostgreSQL, Redis and the broker are."""

    database_url: PostgresUrl | None = setting(
        None, "PostgreSQL; not given: the embedded one of `booking up`", unit="URL", repr=False
    )
    database_schema: str | None = setting(
        None,
        "the schema of our tables, in a database that has others; not given: the first of the search path",
        unit="schema",
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
    )
    database_direct_url: PostgresUrl | None = setting(
        None,
        "PostgreSQL without PgBouncer between, for the connection that listens to clients; not given: DATABASE_URL",
        unit="URL",
        repr=False,
    )
    redis_url: RedisUrl | None = setting(
        None,
        "Redis or Valkey, also redis+cluster:// or sentinel://HOST:26379;sentinel://HOST2:26379?master_name=mymaster; "
        "not given: the embedded one of `booking up`",
        unit="URL",
        repr=False,
    )
    celery_broker_url: BrokerUrl | None = setting(
        None, "Celery's broker, Redis (also sentinel://) or RabbitMQ; not given: REDIS_URL", unit="URL", repr=False
    )
    booking_home: Path = setting(Path(".booking"), "where `booking up` keeps its servers' data", unit="folder")

    @property
    def page_link(self) -> Path:
        """Return the file with the link by which one acts on the page of `booking up`."""
        return self.booking_home / "page-link"

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

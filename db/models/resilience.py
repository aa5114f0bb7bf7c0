"""The tables of the resilience patterns and of alerts, as of 0003_alerts."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.models.bookings import Appointments, Base


class CircuitBreakerEvents(Base):
    """One transition of a breaker, once for the whole fleet: `epoch` is never reused."""

    __tablename__ = "circuit_breaker_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    service: Mapped[str]
    endpoint: Mapped[str | None]  # null: the service breaker
    old_state: Mapped[str]
    new_state: Mapped[str]
    reason: Mapped[str]
    failure_count: Mapped[int] = mapped_column(Integer, server_default="0")
    context: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    epoch: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("failure_count >= 0", name="circuit_breaker_events_failure_count_not_negative"),
        UniqueConstraint(
            "service",
            "endpoint",
            "epoch",
            name="circuit_breaker_events_once",
            postgresql_nulls_not_distinct=True,
        ),
        Index("circuit_breaker_events_service", "service"),
        Index("circuit_breaker_events_created_at", "created_at"),
        Index("circuit_breaker_events_service_created_at", "service", "created_at"),
    )


class FailureMetrics(Base):
    """Failures of one kind in one window; a window without any has one row of error_type `none`: the baseline."""

    __tablename__ = "failure_metrics"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    service: Mapped[str]
    endpoint: Mapped[str | None]
    error_type: Mapped[str]
    count: Mapped[int] = mapped_column(Integer, server_default="1")
    severity: Mapped[int] = mapped_column(SmallInteger, server_default="2")  # 1 low, 2 medium, 3 critical
    success_rate: Mapped[float] = mapped_column(Float, server_default="0")  # 0.0 to 1.0
    avg_response_time_ms: Mapped[float | None] = mapped_column(Float)
    max_response_time_ms: Mapped[float | None] = mapped_column(Float)
    first_occurrence_at: Mapped[datetime | None]
    last_occurrence_at: Mapped[datetime | None]
    last_error_context: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        CheckConstraint("count >= 0", name="failure_metrics_count_not_negative"),
        CheckConstraint("severity BETWEEN 1 AND 3", name="failure_metrics_severity_known"),
        CheckConstraint("success_rate BETWEEN 0 AND 1", name="failure_metrics_success_rate_is_a_share"),
        CheckConstraint("window_end > window_start", name="failure_metrics_window_ends_after_start"),
        UniqueConstraint(
            "service",
            "endpoint",
            "error_type",
            "window_start",
            name="failure_metrics_once",
            postgresql_nulls_not_distinct=True,
        ),
        Index("failure_metrics_service", "service"),
        Index("failure_metrics_error_type", "error_type"),
        Index("failure_metrics_service_created_at", "service", "created_at"),
        Index("failure_metrics_last_occurrence_at", "last_occurrence_at"),
        Index("failure_metrics_service_window", "service", "window_start"),  # the trend, the report
    )


class BreakerOverrides(Base):
    """An operator's override, applied again when Redis has lost it; `lifted_at` ends it."""

    __tablename__ = "breaker_overrides"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    service: Mapped[str]
    mode: Mapped[str]  # open, off, credentials
    key_fingerprint: Mapped[str | None]  # of the key that Cal.com refused
    by: Mapped[str]
    why: Mapped[str]
    until: Mapped[datetime | None]  # null: until it is lifted
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("mode IN ('open', 'off', 'credentials')", name="breaker_overrides_mode_known"),
        CheckConstraint(
            "mode <> 'credentials' OR key_fingerprint IS NOT NULL", name="breaker_overrides_credentials_has_key"
        ),
        Index(
            "breaker_overrides_in_force",
            "service",
            "mode",
            "key_fingerprint",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )


class AlertIncidents(Base):
    """One incident of which operators are notified; only one of a kind and subject is open at a time."""

    __tablename__ = "alert_incidents"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str | None]
    occurrences: Mapped[int] = mapped_column(Integer, server_default="1")
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    notified_at: Mapped[datetime | None]  # when the first sink had its opening
    closed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    news: Mapped[int] = mapped_column(Integer, server_default="0")  # number of the newest message; 0: none yet
    news_at: Mapped[datetime | None]
    message: Mapped[str] = mapped_column(server_default="")  # the newest: its first line is the title

    __table_args__ = (
        CheckConstraint("occurrences > 0", name="alert_incidents_occurrences_positive"),
        CheckConstraint("(news > 0) = (news_at IS NOT NULL)", name="alert_incidents_news_has_moment"),
        Index(
            "alert_incidents_open",
            "kind",
            "subject",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("alert_incidents_opened_at", "opened_at"),
    )


class AlertDeliveries(Base):
    """What one sink has taken of one incident; `next_attempt_at` is also the lease of who is sending it now."""

    __tablename__ = "alert_deliveries"

    incident_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("alert_incidents.id", name="alert_deliveries_incident_id_fkey", ondelete="CASCADE"),
        primary_key=True,
    )
    sink: Mapped[str] = mapped_column(primary_key=True)  # scheme and a hash: the URL is a secret
    news: Mapped[int] = mapped_column(Integer, server_default="0")  # number of the newest message it has taken
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")  # without success, in a row
    next_attempt_at: Mapped[datetime] = mapped_column(server_default=func.now())
    trouble: Mapped[str | None]
    sent_at: Mapped[datetime | None]


class Heartbeats(Base):
    """The last sign of life of a periodic task that must not die in silence."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    every_seconds: Mapped[float] = mapped_column(Float)
    ticked_at: Mapped[datetime]


# Of bookings, but only alerts ask for it: what failed or expired lately.
Index(
    "appointments_ended_badly",
    Appointments.updated_at,
    postgresql_where=text("status IN ('failed', 'expired')"),
)

"""The tables of the resilience patterns and of alerts."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.models.bookings import JSON, MOMENT, appointments, metadata, required

# One transition of a breaker, once for the whole fleet: `epoch` is never reused.
circuit_breaker_events = Table(
    "circuit_breaker_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("service", Text),
    Column("endpoint", Text),  # null: the service breaker
    required("old_state", Text),
    required("new_state", Text),
    required("reason", Text),
    required("failure_count", Integer, server_default="0"),
    required("context", JSON, server_default=text("'{}'::jsonb")),
    required("epoch", BigInteger),
    required("created_at", MOMENT, server_default=func.now()),
    required("updated_at", MOMENT, server_default=func.now()),
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


# Failures of one kind in one window; a window without any has one row of error_type `none`: the baseline.
failure_metrics = Table(
    "failure_metrics",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("service", Text),
    Column("endpoint", Text),
    required("error_type", Text),
    required("count", Integer, server_default="1"),
    required("severity", SmallInteger, server_default="2"),  # 1 low, 2 medium, 3 critical
    required("success_rate", Float, server_default="0"),  # 0.0 to 1.0
    Column("avg_response_time_ms", Float),
    Column("max_response_time_ms", Float),
    Column("first_occurrence_at", MOMENT),
    Column("last_occurrence_at", MOMENT),
    required("last_error_context", JSON, server_default=text("'{}'::jsonb")),
    required("window_start", MOMENT),
    required("window_end", MOMENT),
    required("created_at", MOMENT, server_default=func.now()),
    required("updated_at", MOMENT, server_default=func.now()),
    # all calls of the window by their time (resilience/call_stats/buckets.py)
    Column("response_time_buckets", ARRAY(Integer)),
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
    Index("failure_metrics_service_window", "service", "window_start"),
)


# An operator's override, applied again when Redis has lost it; `lifted_at` ends it.
breaker_overrides = Table(
    "breaker_overrides",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("service", Text),
    required("mode", Text),  # open, off, credentials
    Column("key_fingerprint", Text),  # of the key that Cal.com refused
    required("by", Text),
    required("why", Text),
    Column("until", MOMENT),  # null: until it is lifted
    required("created_at", MOMENT, server_default=func.now()),
    Column("lifted_at", MOMENT),
    Column("lifted_by", Text),
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


# One incident of which operators are notified; only one of a kind and subject is open at a time.
alert_incidents = Table(
    "alert_incidents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("kind", Text),
    Column("subject", Text),
    required("occurrences", Integer, server_default="1"),
    required("detail", JSON, server_default=text("'{}'::jsonb")),
    required("opened_at", MOMENT, server_default=func.now()),
    required("last_seen_at", MOMENT, server_default=func.now()),
    Column("notified_at", MOMENT),  # when the first sink had its opening
    Column("closed_at", MOMENT),
    required("updated_at", MOMENT, server_default=func.now()),
    required("news", Integer, server_default="0"),  # number of the newest message; 0: none yet
    Column("news_at", MOMENT),
    required("message", Text, server_default=""),  # the newest: its first line is the title
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


# What one sink has taken of one incident; `next_attempt_at` is also the lease of who is sending it now.
alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column(
        "incident_id",
        BigInteger,
        ForeignKey("alert_incidents.id", name="alert_deliveries_incident_id_fkey", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("sink", Text, primary_key=True),  # scheme and a hash: the URL is a secret
    required("news", Integer, server_default="0"),  # number of the newest message it has taken
    required("attempts", Integer, server_default="0"),  # without success, in a row
    required("next_attempt_at", MOMENT, server_default=func.now()),
    Column("trouble", Text),
    Column("sent_at", MOMENT),
)


# The last sign of life of a periodic task that must not die in silence.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", Text, primary_key=True),
    required("every_seconds", Float),
    required("ticked_at", MOMENT),
)


# Of bookings, but only alerts ask for it: what failed or expired lately.
Index(
    "appointments_ended_badly",
    appointments.c.updated_at,
    postgresql_where=text("status IN ('failed', 'expired')"),
)

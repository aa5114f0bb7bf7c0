"""The tables of the resilience patterns and of alerts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Identity,
    Integer,
    SmallInteger,
    Table,
    Text,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.models.bookings import JSON, MOMENT, metadata, required

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
    Column("account_id", BigInteger),  # null: the breaker of all accounts
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
    # calls of the window may be missing; with no count at all: nothing is known of it
    required("at_least", Boolean, server_default=false()),
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
)


# One incident that operators are notified of; only one of a kind and subject is open at a time.
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
)


# What one sink has taken of one incident; `next_attempt_at` is also the lease of who is sending it now.
alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("incident_id", BigInteger, primary_key=True),
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

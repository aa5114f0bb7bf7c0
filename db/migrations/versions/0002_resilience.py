"""What the resilience patterns did: to each booking, and in their own tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002_resilience"
down_revision = "0001_appointments"

_MOMENT = sa.DateTime(timezone=True)
_EMPTY_OBJECT = sa.text("'{}'::jsonb")


def upgrade() -> None:
    _three_columns()
    _circuit_breaker_events()
    _failure_metrics()
    _breaker_overrides()
    _alert_incidents()


def downgrade() -> None:
    op.drop_table("alert_incidents")
    op.drop_table("breaker_overrides")
    op.drop_table("failure_metrics")
    op.drop_table("circuit_breaker_events")
    # The CHECKs go with their columns.
    op.drop_column("appointments", "resilience_strategy")
    op.drop_column("appointments", "circuit_breaker_open_at_booking")
    op.drop_column("appointments", "retry_count")


def _three_columns() -> None:
    # A constant default rewrites nothing: PostgreSQL keeps it in the catalogue, however large the table.
    op.add_column("appointments", sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"))
    op.add_column("appointments", sa.Column("circuit_breaker_open_at_booking", _MOMENT))
    op.add_column("appointments", sa.Column("resilience_strategy", sa.Text))
    op.create_check_constraint("appointments_retry_count_not_negative", "appointments", "retry_count >= 0")
    op.create_check_constraint(
        "appointments_resilience_strategy_known",
        "appointments",
        "resilience_strategy IN"
        " ('immediate_retry', 'exponential_backoff', 'circuit_breaker_open', 'graceful_degradation')",
    )


def _circuit_breaker_events() -> None:
    table = "circuit_breaker_events"
    op.create_table(
        table,
        _id(),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text),
        sa.Column("old_state", sa.Text, nullable=False),
        sa.Column("new_state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("failure_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("context", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        _now("created_at"),
        _now("updated_at"),
        sa.CheckConstraint("failure_count >= 0", name="circuit_breaker_events_failure_count_not_negative"),
        sa.UniqueConstraint(
            "service", "endpoint", "epoch", name="circuit_breaker_events_once", postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index("circuit_breaker_events_service", table, ["service"])
    op.create_index("circuit_breaker_events_created_at", table, ["created_at"])
    op.create_index("circuit_breaker_events_service_created_at", table, ["service", "created_at"])


def _failure_metrics() -> None:
    table = "failure_metrics"
    op.create_table(
        table,
        _id(),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text),
        sa.Column("error_type", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False, server_default="1"),
        sa.Column("severity", sa.SmallInteger, nullable=False, server_default="2"),
        sa.Column("success_rate", sa.Float, nullable=False, server_default="0"),
        sa.Column("avg_response_time_ms", sa.Float),
        sa.Column("max_response_time_ms", sa.Float),
        sa.Column("first_occurrence_at", _MOMENT),
        sa.Column("last_occurrence_at", _MOMENT),
        sa.Column("last_error_context", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("window_start", _MOMENT, nullable=False),
        sa.Column("window_end", _MOMENT, nullable=False),
        _now("created_at"),
        _now("updated_at"),
        sa.CheckConstraint("count >= 0", name="failure_metrics_count_not_negative"),
        sa.CheckConstraint("severity BETWEEN 1 AND 3", name="failure_metrics_severity_known"),
        sa.CheckConstraint("success_rate BETWEEN 0 AND 1", name="failure_metrics_success_rate_is_a_share"),
        sa.CheckConstraint("window_end > window_start", name="failure_metrics_window_ends_after_start"),
        sa.UniqueConstraint(
            "service",
            "endpoint",
            "error_type",
            "window_start",
            name="failure_metrics_once",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("failure_metrics_service", table, ["service"])
    op.create_index("failure_metrics_error_type", table, ["error_type"])
    op.create_index("failure_metrics_service_created_at", table, ["service", "created_at"])
    op.create_index("failure_metrics_last_occurrence_at", table, ["last_occurrence_at"])


def _breaker_overrides() -> None:
    table = "breaker_overrides"
    op.create_table(
        table,
        _id(),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("key_fingerprint", sa.Text),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("until", _MOMENT),
        _now("created_at"),
        sa.Column("lifted_at", _MOMENT),
        sa.Column("lifted_by", sa.Text),
        sa.CheckConstraint("mode IN ('open', 'off', 'credentials')", name="breaker_overrides_mode_known"),
        sa.CheckConstraint(
            "mode <> 'credentials' OR key_fingerprint IS NOT NULL", name="breaker_overrides_credentials_has_key"
        ),
    )
    op.create_index(
        "breaker_overrides_in_force",
        table,
        ["service", "mode", "key_fingerprint"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def _alert_incidents() -> None:
    table = "alert_incidents"
    op.create_table(
        table,
        _id(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("occurrences", sa.Integer, nullable=False, server_default="1"),
        sa.Column("detail", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        _now("opened_at"),
        _now("last_seen_at"),
        sa.Column("notified_at", _MOMENT),
        sa.Column("closed_at", _MOMENT),
        _now("updated_at"),
        sa.CheckConstraint("occurrences > 0", name="alert_incidents_occurrences_positive"),
    )
    op.create_index(
        "alert_incidents_open",
        table,
        ["kind", "subject"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("alert_incidents_opened_at", table, ["opened_at"])


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, _MOMENT, nullable=False, server_default=sa.func.now())

"""What `booking report` and the trend read: bookings by time of request, metrics by window."""

from alembic import op

revision = "0004_report"
down_revision = "0003_alerts"


def upgrade() -> None:
    # Making them reads each table once while its writers wait. Both grow at their end, so they cost little to keep.
    op.create_index("appointments_requested_at", "appointments", ["requested_at"])
    op.create_index("failure_metrics_service_window", "failure_metrics", ["service", "window_start"])


def downgrade() -> None:
    op.drop_index("failure_metrics_service_window", "failure_metrics")
    op.drop_index("appointments_requested_at", "appointments")

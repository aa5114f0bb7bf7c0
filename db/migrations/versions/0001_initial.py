"""All tables of 0.1.0: bookings and their events, what the patterns and the page keep, audits."""

from pathlib import Path

from alembic import op

revision = "0001_initial"
down_revision = None

_STATEMENTS = Path(__file__).parents[1] / "initial"
_TABLES = (
    "restored_bookings, nightly_audits, metric_totals, operator_actions, held_now, counted_bookings, booking_minutes,"
    " heartbeats, alert_deliveries, alert_incidents, breaker_overrides, failure_metrics, circuit_breaker_events,"
    " calcom_event_types, appointment_events, appointments"
)


def upgrade() -> None:
    for name in ("bookings", "resilience", "page", "audits"):
        op.get_bind().exec_driver_sql((_STATEMENTS / f"{name}.sql").read_text("utf-8"))


def downgrade() -> None:
    op.execute(f"DROP TABLE {_TABLES}")
    op.execute("DROP FUNCTION take_restored_booking(), take_restored_booking(bigint)")

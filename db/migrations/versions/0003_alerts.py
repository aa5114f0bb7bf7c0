"""Alerts: what was said of an incident and to whom, and the sign of life of whoever watches."""

import sqlalchemy as sa
from alembic import op

revision = "0003_alerts"
down_revision = "0002_resilience"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("alert_incidents", sa.Column("news", sa.Integer, nullable=False, server_default="0"))
    op.add_column("alert_incidents", sa.Column("news_at", _MOMENT))
    op.add_column("alert_incidents", sa.Column("message", sa.Text, nullable=False, server_default=""))
    op.create_check_constraint(
        "alert_incidents_news_has_moment", "alert_incidents", "(news > 0) = (news_at IS NOT NULL)"
    )
    op.create_table(
        "alert_deliveries",
        sa.Column("incident_id", sa.BigInteger, primary_key=True),
        sa.Column("sink", sa.Text, primary_key=True),
        sa.Column("news", sa.Integer, nullable=False, server_default="0"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("trouble", sa.Text),
        sa.Column("sent_at", _MOMENT),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["alert_incidents.id"], name="alert_deliveries_incident_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("every_seconds", sa.Float, nullable=False),
        sa.Column("ticked_at", _MOMENT, nullable=False),
    )
    # Few rows ever: the index is small, though its making reads the whole table once while writers wait.
    op.create_index(
        "appointments_ended_badly",
        "appointments",
        ["updated_at"],
        postgresql_where=sa.text("status IN ('failed', 'expired')"),
    )


def downgrade() -> None:
    op.drop_index("appointments_ended_badly", "appointments")
    op.drop_table("heartbeats")
    op.drop_table("alert_deliveries")
    for column in ("message", "news_at", "news"):  # the CHECK goes with its columns
        op.drop_column("alert_incidents", column)

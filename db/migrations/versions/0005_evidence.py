"""What may end a booking whose outcome is unknown: its moments, its series, and what Cal.com told of its event type."""

import sqlalchemy as sa
from alembic import op

revision = "0005_evidence"
down_revision = "0004_report"

_MOMENT = sa.DateTime(timezone=True)
_COLUMNS = ("ends_at", "answered_at", "askable_since", "evidence_posts", "series_uid", "series_weeks", "series_of")


def upgrade() -> None:
    # A constant default rewrites nothing: PostgreSQL keeps it in the catalogue, however large the table.
    # No CHECK asks for ends_at: workers of the version before do not write it, and live on beside this during a deploy.
    for name in ("ends_at", "answered_at", "askable_since"):
        op.add_column("appointments", sa.Column(name, _MOMENT))
    op.add_column("appointments", sa.Column("evidence_posts", sa.Integer, nullable=False, server_default="0"))
    op.add_column("appointments", sa.Column("series_uid", sa.Text))
    op.add_column("appointments", sa.Column("series_weeks", sa.Integer))
    op.add_column("appointments", sa.Column("series_of", sa.Integer))
    op.create_check_constraint(
        "appointments_evidence_not_negative", "appointments", "least(evidence_posts, series_weeks, series_of) >= 0"
    )
    # calcom_visibility stays: those workers still read it. A later revision drops it.
    op.create_table(
        "calcom_event_types",
        sa.Column("key_fingerprint", sa.Text, primary_key=True),
        sa.Column("event_type", sa.Text, primary_key=True),
        sa.Column("calcom_id", sa.BigInteger),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sight", sa.Boolean, nullable=False),
        sa.Column("seats", sa.Boolean, nullable=False),
        sa.Column("occurrences", sa.Integer),
        sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("asked_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint(
            "kind IN ('plain', 'collective', 'round_robin', 'seats', 'round_robin_seats', 'confirmation',"
            " 'round_robin_series', 'other', 'unknown')",
            name="calcom_event_types_kind_known",
        ),
        sa.CheckConstraint("occurrences > 0", name="calcom_event_types_occurrences_positive"),
    )


def downgrade() -> None:
    op.drop_table("calcom_event_types")
    for name in _COLUMNS:  # the CHECK goes with its columns
        op.drop_column("appointments", name)

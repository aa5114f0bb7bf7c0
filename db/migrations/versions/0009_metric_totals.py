"""Totals of what was counted, which only grow: what Prometheus reads outlives every restart, prune and FLUSHALL."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0009_metric_totals"
down_revision = "0008_audits"


def upgrade() -> None:
    op.create_table(
        "metric_totals",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("labels", ARRAY(sa.Text), primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
    )
    op.execute(_COUNTED_BEFORE)
    # What a look or a retry leaves unknown is little: the index holds nothing of a booking that goes well.
    op.create_index("appointments_unknown", "appointments", ["id"], postgresql_where=sa.text("outcome_unknown"))


def downgrade() -> None:
    op.drop_index("appointments_unknown", "appointments")
    op.drop_table("metric_totals")


# What stands counted already, so that totals equal the rows. How long confirmations took together is not kept: the sum
# of their times begins here.
_COUNTED_BEFORE = """
INSERT INTO metric_totals (name, labels, value)
SELECT name, labels, sum(count)
FROM (
    SELECT 'accepted' AS name, CAST('{}' AS text[]) AS labels, accepted AS count FROM booking_minutes
    UNION ALL
    SELECT 'retries', '{}', retries FROM booking_minutes
    UNION ALL
    SELECT 'finished', ARRAY[outcome], count
    FROM booking_minutes
    CROSS JOIN LATERAL (
        VALUES
            ('confirmed', confirmed), ('rejected', rejected), ('failed', failed),
            ('expired', expired), ('cancelled', cancelled)
    ) AS ended (outcome, count)
    UNION ALL
    SELECT 'released', ARRAY[key], CAST(value AS integer)
    FROM booking_minutes CROSS JOIN LATERAL jsonb_each_text(released)
    UNION ALL
    SELECT 'wait_seconds', ARRAY[CAST(place AS text)], count
    FROM booking_minutes CROSS JOIN LATERAL unnest(wait_buckets) WITH ORDINALITY AS bucket (count, place)
    UNION ALL
    SELECT 'breaker_transitions', ARRAY[coalesce(endpoint, service), new_state], 1 FROM circuit_breaker_events
    UNION ALL
    SELECT 'calcom_failures', ARRAY[coalesce(endpoint, 'any'), error_type], count
    FROM failure_metrics
    WHERE service = 'calcom' AND error_type <> 'none'
) AS one
GROUP BY name, labels
HAVING sum(count) > 0
"""

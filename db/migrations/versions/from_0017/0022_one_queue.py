"""What bookings have in the queue, changes have too: a flag for who waits long, and proof of what was delivered."""

from alembic import op

revision = "0022_one_queue"
down_revision = "0021_audited_where_it_is"

# An old worker works on it as before: it writes neither the column nor reads the indexes.
_STATEMENTS = """
ALTER TABLE booking_changes ADD COLUMN resilience_strategy text;
-- flag_degraded
CREATE INDEX booking_changes_unflagged ON booking_changes (requested_at)
    WHERE status = 'held' AND resilience_strategy IS DISTINCT FROM 'graceful_degradation';
-- unsent: how far the queue has been delivered
CREATE INDEX booking_changes_delivered ON booking_changes (enqueued_at)
    WHERE enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying');
"""
_DOWN = """
DROP INDEX booking_changes_delivered;
DROP INDEX booking_changes_unflagged;
ALTER TABLE booking_changes DROP COLUMN resilience_strategy;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

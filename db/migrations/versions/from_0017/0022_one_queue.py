"""What bookings have in the queue, changes have too: a flag for who waits long, and proof of what was delivered."""

from alembic import op

from db.migrating.parts import Added, Index

revision = "0022_one_queue"
down_revision = "0021_audited_where_it_is"

# An old worker works on it as before: it writes neither the column nor reads the indexes.
ADDED = (Added("booking_changes", "ADD COLUMN IF NOT EXISTS resilience_strategy text"),)
BUILT = (
    # flag_degraded
    Index(
        "booking_changes_unflagged",
        "booking_changes",
        "(requested_at) WHERE status = 'held' AND resilience_strategy IS DISTINCT FROM 'graceful_degradation'",
    ),
    # unsent: how far the queue has been delivered
    Index(
        "booking_changes_delivered",
        "booking_changes",
        "(enqueued_at) WHERE enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying')",
    ),
)
_DOWN = """
DROP INDEX booking_changes_delivered;
DROP INDEX booking_changes_unflagged;
ALTER TABLE booking_changes DROP COLUMN resilience_strategy;
"""


def upgrade() -> None:
    """Do nothing: the column is added, and the indexes are built, before."""


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

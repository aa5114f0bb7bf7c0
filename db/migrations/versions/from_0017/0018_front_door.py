"""Indexes by which operators see the front door: open changes, callbacks that wait or were given up, webhooks."""

from alembic import op

revision = "0018_front_door"
down_revision = "0017_weeks"

_STATEMENTS = """
-- front_door.changes: what is open, the oldest first
CREATE INDEX booking_changes_oldest ON booking_changes (requested_at)
    WHERE status IN ('waiting', 'pending', 'changing', 'retrying', 'held');
-- front_door.callbacks: what waits, the oldest first; what was given up, and was not sent again
CREATE INDEX callbacks_oldest ON callbacks (created_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX callbacks_given_up ON callbacks (given_up_at)
    WHERE delivered_at IS NULL AND given_up_at IS NOT NULL AND trouble IS DISTINCT FROM '410' AND url <> '';
-- webhooks_silent, last_received: the newest of an account, and from one account to the next
CREATE INDEX calcom_webhooks_account ON calcom_webhooks (account_id, received_at);
"""
_DOWN = """
DROP INDEX calcom_webhooks_account;
DROP INDEX callbacks_given_up;
DROP INDEX callbacks_oldest;
DROP INDEX booking_changes_oldest;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

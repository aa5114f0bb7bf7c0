"""Indexes by which operators see the front door: open changes, callbacks that wait or were given up, webhooks."""

from alembic import op

from db.migrating.parts import Index

revision = "0018_front_door"
down_revision = "0017_weeks"

BUILT = (
    # front_door.changes: what is open, the oldest first
    Index(
        "booking_changes_oldest",
        "booking_changes",
        "(requested_at) WHERE status IN ('waiting', 'pending', 'changing', 'retrying', 'held')",
    ),
    # front_door.callbacks: what waits, the oldest first; what was given up, and was not sent again
    Index("callbacks_oldest", "callbacks", "(created_at) WHERE delivered_at IS NULL AND given_up_at IS NULL"),
    Index(
        "callbacks_given_up",
        "callbacks",
        "(given_up_at)"
        " WHERE delivered_at IS NULL AND given_up_at IS NOT NULL AND trouble IS DISTINCT FROM '410' AND url <> ''",
    ),
    # webhooks_silent, last_received: the newest of an account, and from one account to the next
    Index("calcom_webhooks_account", "calcom_webhooks", "(account_id, received_at)"),
)
_DOWN = """
DROP INDEX calcom_webhooks_account;
DROP INDEX callbacks_given_up;
DROP INDEX callbacks_oldest;
DROP INDEX booking_changes_oldest;
"""


def upgrade() -> None:
    """Do nothing: the indexes are built before."""


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

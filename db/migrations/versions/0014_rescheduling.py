"""Whether an event type allows no rescheduling, as Cal.com shows it: Cal.com itself moves its bookings all the same."""

from alembic import op

revision = "0014_rescheduling"
down_revision = "0013_key_accounts"

LOCKED = ("calcom_event_types",)


def upgrade() -> None:
    op.execute("ALTER TABLE calcom_event_types ADD COLUMN rescheduling_disabled boolean")


def downgrade() -> None:
    op.execute("ALTER TABLE calcom_event_types DROP COLUMN rescheduling_disabled")

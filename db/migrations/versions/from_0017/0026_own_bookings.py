"""An index by which an API key's own bookings are listed, the newest first."""

from alembic import op

from db.migrating.parts import Index

revision = "0026_own_bookings"
down_revision = "0025_voice_secrets"

# views_of_key; of old processes it serves nothing
BUILT = (Index("appointments_of_key", "appointments", "(api_key_id, id) WHERE api_key_id IS NOT NULL"),)


def upgrade() -> None:
    """Do nothing: the index is built before."""


def downgrade() -> None:
    op.execute("DROP INDEX appointments_of_key")

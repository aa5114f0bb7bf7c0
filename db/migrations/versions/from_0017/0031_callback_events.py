"""Which transaction wrote a callback, for callers who read what callbacks said from a cursor on."""

from alembic import op

from db.migrating.parts import Added, Index

revision = "0031_callback_events"
down_revision = "0029_times"

ADDED = (
    # Null in what was written before: a default of each row's own would have the table written again.
    Added("callbacks", "ADD COLUMN IF NOT EXISTS xid xid8"),
    Added("callbacks", "ALTER COLUMN xid SET DEFAULT pg_current_xact_id()"),
)
# callback_events; of old processes it serves nothing
BUILT = (Index("callbacks_of_key", "callbacks", "(api_key_id, xid, id) WHERE xid IS NOT NULL"),)


def upgrade() -> None:
    """Do nothing: the column and the index are made before."""


def downgrade() -> None:
    op.execute("DROP INDEX callbacks_of_key")
    op.execute("ALTER TABLE callbacks DROP COLUMN xid")

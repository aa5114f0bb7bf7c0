"""Which transaction wrote an event, for callers who ask what has settled since a cursor."""

from alembic import op

from db.migrating.parts import Added, Index

revision = "0002_settled"
down_revision = "0001_initial"

ADDED = (
    # Null in what was written before: a default of each row's own would have the table written again.
    Added("appointment_events", "ADD COLUMN IF NOT EXISTS xid xid8"),
    Added("appointment_events", "ALTER COLUMN xid SET DEFAULT pg_current_xact_id()"),
)
BUILT = (
    # settled_since
    Index(
        "appointment_events_settled",
        "appointment_events",
        "(xid, id) WHERE xid IS NOT NULL AND kind IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')",
    ),
)
_STATEMENTS = """
-- A caller's own search path is not ours: its INSERT fires this trigger, too.
ALTER FUNCTION take_restored_booking(bigint) SET search_path FROM CURRENT;
ALTER FUNCTION take_restored_booking() SET search_path FROM CURRENT;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.execute("ALTER FUNCTION take_restored_booking() RESET search_path")
    op.execute("ALTER FUNCTION take_restored_booking(bigint) RESET search_path")
    op.execute("DROP INDEX appointment_events_settled")
    op.execute("ALTER TABLE appointment_events DROP COLUMN xid")

"""Late looks: a change that met an unclear answer is looked at once more at Cal.com, when it is over."""

from alembic import op

from db.migrating.parts import Added, Index

revision = "0020_late_looks"
down_revision = "0019_moves_wait"

# Null: no look is due. Workers of before write neither column: what they change is looked at as before.
ADDED = (
    Added(
        "booking_changes",
        "ADD COLUMN IF NOT EXISTS late_look_at timestamptz,"
        " ADD COLUMN IF NOT EXISTS late_looks integer NOT NULL DEFAULT 0",
    ),
)
BUILT = (Index("booking_changes_late_look", "booking_changes", "(late_look_at) WHERE late_look_at IS NOT NULL"),)
_DOWN = "ALTER TABLE booking_changes DROP COLUMN late_look_at, DROP COLUMN late_looks"


def upgrade() -> None:
    """Do nothing: the columns are added, and the index is built, before."""


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

"""Late looks: a change that met an unclear answer is looked at once more at Cal.com, when it is over."""

from alembic import op

revision = "0020_late_looks"
down_revision = "0019_moves_wait"

# Null: no look is due. Workers of before write neither column: what they change is looked at as before.
_STATEMENTS = """
ALTER TABLE booking_changes
    ADD COLUMN late_look_at timestamptz,
    ADD COLUMN late_looks integer NOT NULL DEFAULT 0;
CREATE INDEX booking_changes_late_look ON booking_changes (late_look_at) WHERE late_look_at IS NOT NULL;
"""
_DOWN = "ALTER TABLE booking_changes DROP COLUMN late_look_at, DROP COLUMN late_looks"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

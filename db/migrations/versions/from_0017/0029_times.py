"""Who asked before for a time, which of them are still on the way to it, and which event types take one for a time."""

from pathlib import Path

from alembic import op

from db.migrating.parts import Added, Index

revision = "0029_times"
down_revision = "0028_causes"

# An old process counts nobody: that somebody asked before its request is found at its release (release_these.sql).
ADDED = (Added("appointments", "ADD COLUMN IF NOT EXISTS ahead integer NOT NULL DEFAULT 0"),)
BUILT = (
    # insert, asked_before: who wants a time. These alone ask for `ahead >= 0`, which is true of all: without statistics
    # the planner would else read all of it for sweeps that have an index of their own.
    Index(
        "appointments_wanted",
        "appointments",
        "(account_id, start_at) WHERE ahead >= 0 AND status IN ('pending', 'booking', 'retrying', 'held')",
    ),
    # takes_one, known_type
    Index("calcom_event_types_type", "calcom_event_types", "(event_type, account_id)"),
    # asked_before: who is to be moved there
    Index(
        "booking_changes_wanted",
        "booking_changes",
        "(account_id, start_at) WHERE kind = 'reschedule' AND status IN ('pending', 'changing', 'retrying', 'held')",
    ),
)
_STATEMENTS = Path(__file__).parents[2] / "times.sql"
_DOWN = """
DROP FUNCTION takes_one(integer, text);
DROP FUNCTION asked_before(bigint, timestamptz, timestamptz, integer);
DROP FUNCTION is_on_the_way(appointments);
DROP INDEX booking_changes_wanted;
DROP INDEX calcom_event_types_type;
DROP INDEX appointments_wanted;
ALTER TABLE appointments DROP COLUMN ahead;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS.read_text("utf-8"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

"""The audit judges a booking on the day where it is, and reads changes that ended; callbacks that are let be."""

from alembic import op

from db.migrating.parts import Index

revision = "0021_audited_where_it_is"
down_revision = "0020_late_looks"

# An old worker works on it as before: it knows neither the indexes nor the column, which has a default.
BUILT = (
    # confirmed_between: to the letter the expression of db/audits/bookings.py, else it does not serve
    Index(
        "appointments_booked_start",
        "appointments",
        "(coalesce(booked_start_at, start_at), id) WHERE status = 'confirmed'",
    ),
    # ended_between: what was sent to Cal.com, and is over
    Index(
        "booking_changes_ended",
        "booking_changes",
        "(updated_at, id) WHERE status IN ('done', 'refused', 'failed', 'expired') AND posts > 0",
    ),
    # front_door.callbacks: what was given up and is not let be; callbacks_given_up serves old processes
    Index(
        "callbacks_given_up_open",
        "callbacks",
        "(given_up_at)"
        " WHERE delivered_at IS NULL AND given_up_at IS NOT NULL AND trouble IS DISTINCT FROM '410'"
        " AND trouble IS DISTINCT FROM 'dropped' AND url <> ''",
    ),
)
LOCKED = ("nightly_audits",)
_STATEMENTS = """
-- the changes that an audit of the night has read: the next process goes on after them
ALTER TABLE nightly_audits ADD COLUMN read_changes bigint[] DEFAULT '{}' NOT NULL;
"""
_DOWN = """
ALTER TABLE nightly_audits DROP COLUMN read_changes;
DROP INDEX callbacks_given_up_open;
DROP INDEX booking_changes_ended;
DROP INDEX appointments_booked_start;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

"""What is held by which cause is stored where it is much; accounts that are paused or closed have an index."""

from alembic import op

from db.migrating.parts import Index

revision = "0028_causes"
down_revision = "0026_own_bookings"

# held_causes, account_troubles: of old processes it serves the look for paused accounts
BUILT = (Index("calcom_accounts_inactive", "calcom_accounts", "(state, id) WHERE state <> 'active'"),)
# An old health check does not write it, and an old reader does not read it.
_STATEMENTS = """
-- The last count of what is held by which cause, while it was too much to be counted by each reader: the one row of it.
CREATE TABLE causes_now (
    id smallint DEFAULT '1' NOT NULL,
    counted_at timestamptz NOT NULL,
    rows jsonb NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT causes_now_one_row CHECK (id = 1)
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.execute("DROP TABLE causes_now")
    op.execute("DROP INDEX calcom_accounts_inactive")

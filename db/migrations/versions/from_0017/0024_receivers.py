"""Callbacks are counted by receiver, what one API key is sent at one host: no dead one stops its host's others."""

from alembic import op

from db.migrating.parts import Index

revision = "0024_receivers"
down_revision = "0022_one_queue"

# claim_callbacks: from receiver to receiver, and of each what is due; of old processes it serves the claim by host, too
BUILT = (Index("callbacks_due_at", "callbacks", "(host, api_key_id, next_at) WHERE next_at IS NOT NULL"),)
LOCKED = ("callbacks",)
# An old worker works on it as before: it counts each failure against the whole host, which new ones then let rest, too.
_STATEMENTS = """
-- A receiver that fails; one without a row is well.
CREATE TABLE callback_receivers (
    host text NOT NULL,
    api_key_id bigint NOT NULL,
    failures integer NOT NULL,
    rests_until timestamptz,
    PRIMARY KEY (host, api_key_id)
);
DROP INDEX callbacks_due;
"""
_DOWN = """
CREATE INDEX callbacks_due ON callbacks (host, next_at) WHERE next_at IS NOT NULL;
DROP INDEX callbacks_due_at;
DROP TABLE callback_receivers;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

"""Bookings after a restore, of several accounts: one that two of them see at Cal.com waits for a request of either."""

import sqlalchemy as sa
from alembic import op

from db.namespace import in_schema, schema_of

revision = "0016_restored"
down_revision = "0015_services"

LOCKED = ("restored_bookings",)

_OF_ONE = """
    DELETE FROM restored_bookings WHERE reference = (
        SELECT found.reference
        FROM restored_bookings AS found
"""
_OF_ALL = """
        SELECT found.* INTO taken
        FROM restored_bookings AS found
        -- Who takes it takes it from all accounts that see it: all of them lock the row of the first, and no other.
        JOIN restored_bookings AS first ON first.reference = found.reference AND first.account_id = (
            SELECT min(account_id) FROM restored_bookings AS one WHERE one.reference = found.reference
        )
"""
_LOCKS_ONE = """
        FOR UPDATE OF found SKIP LOCKED
    ) RETURNING * INTO taken;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
"""
_LOCKS_FIRST = """
        FOR UPDATE OF first SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM restored_bookings WHERE reference = taken.reference;
"""
_KEY = "ALTER TABLE restored_bookings DROP CONSTRAINT restored_bookings_pkey, ADD PRIMARY KEY "
_ONE_OF_EACH = """
DELETE FROM restored_bookings AS one USING restored_bookings AS other
WHERE other.reference = one.reference AND other.account_id < one.account_id
"""


def upgrade() -> None:
    op.execute(f"{_KEY} (reference, account_id)")
    _take((_OF_ONE, _OF_ALL), (_LOCKS_ONE, _LOCKS_FIRST))


def downgrade() -> None:
    _take((_OF_ALL, _OF_ONE), (_LOCKS_FIRST, _LOCKS_ONE))
    op.execute(_ONE_OF_EACH)
    op.execute(f"{_KEY} (reference)")


def _take(*changes: tuple[str, str]) -> None:
    """Define the function again that gives a lost booking to a new request."""
    conn = op.get_bind()
    schema = schema_of(conn)  # of our own: its name stands before each of ours in the function's text, too
    now = sa.text("SELECT pg_get_functiondef(CAST('take_restored_booking(bigint)' AS regprocedure))")
    function: str = conn.execute(now).scalar_one()
    for change in changes:
        before, after = (in_schema(text, schema) if schema else text for text in change)
        if before not in function:
            raise ValueError("take_restored_booking() is not what the migrations before have made")
        function = function.replace(before, after)
    conn.exec_driver_sql(function)

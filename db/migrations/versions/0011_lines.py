"""A line for each account: its bookings and changes that wait for the breaker or the limit, in their order."""

from alembic import op

from db.migrating.parts import Index

revision = "0011_lines"
down_revision = "0010_callbacks"

BUILT = (
    # waiting, claim, insert, in_line: of one account, and from one account that has a line to the next
    Index(
        "appointments_account_line",
        "appointments",
        "(account_id, hold_reason, line_at, id)"
        " INCLUDE (probe_failures, outcome_unknown)"
        " WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled')",
    ),
    # release_due, accounts_held: of one account, what is held for a time
    Index(
        "appointments_account_due",
        "appointments",
        "(account_id, hold_until) WHERE status = 'held' AND hold_until IS NOT NULL",
    ),
    # change_line, change_claim, in_line
    Index(
        "booking_changes_account_line",
        "booking_changes",
        "(account_id, hold_reason, line_at, id) WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled')",
    ),
    # accounts_held, change_due: of one account, what is held for a cause or a time
    Index(
        "booking_changes_account_held", "booking_changes", "(account_id, hold_reason, hold_until) WHERE status = 'held'"
    ),
)
_STATEMENTS = """
-- A caller need not read the accounts: of those that are open it learns how fast each one's messages may go.
CREATE FUNCTION calcom_callers(wanted text[]) RETURNS TABLE (
    id integer, name text, key_fingerprint text, calls_per_minute integer, alone boolean, neighbours integer
)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT id, name, key_fingerprint, calls_per_minute, alone, neighbours
    FROM calcom_accounts
    WHERE name = ANY (wanted) AND state <> 'closed'
$$;
"""
_DOWN = """
DROP FUNCTION calcom_callers(text[]);
DROP INDEX booking_changes_account_held;
DROP INDEX booking_changes_account_line;
DROP INDEX appointments_account_due;
DROP INDEX appointments_account_line;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

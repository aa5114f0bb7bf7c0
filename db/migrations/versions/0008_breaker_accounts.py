"""The breaker of one of several accounts: its changes of state name the account."""

from alembic import op

revision = "0008_breaker_accounts"
down_revision = "0007_api_keys"

LOCKED = ("circuit_breaker_events",)

_STATEMENTS = """
ALTER TABLE circuit_breaker_events ADD COLUMN account_id bigint; -- null: the breaker of all accounts
-- The same name: workers of the version before name the constraint in their statements.
ALTER TABLE circuit_breaker_events DROP CONSTRAINT circuit_breaker_events_once;
ALTER TABLE circuit_breaker_events ADD CONSTRAINT circuit_breaker_events_once
    UNIQUE NULLS NOT DISTINCT (service, endpoint, account_id, epoch);
"""
_DOWN = """
DELETE FROM circuit_breaker_events WHERE account_id IS NOT NULL;
ALTER TABLE circuit_breaker_events DROP CONSTRAINT circuit_breaker_events_once;
ALTER TABLE circuit_breaker_events ADD CONSTRAINT circuit_breaker_events_once
    UNIQUE NULLS NOT DISTINCT (service, endpoint, epoch);
ALTER TABLE circuit_breaker_events DROP COLUMN account_id;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

"""Accounts at several Cal.coms: callers learn at which one each is, and those of one are found in order."""

from alembic import op

revision = "0015_services"
down_revision = "0014_rescheduling"

LOCKED = ("calcom_accounts",)

_STATEMENTS = """
-- in_line, services: of one Cal.com the accounts in their order, and from one Cal.com to the next
CREATE INDEX calcom_accounts_service ON calcom_accounts (service, id);

-- As calcom_callers, which processes of before call, and with the Cal.com of each.
CREATE FUNCTION calcom_callers_at(wanted text[]) RETURNS TABLE (
    id integer, name text, service text, key_fingerprint text, calls_per_minute integer, alone boolean,
    neighbours integer
)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT id, name, service, key_fingerprint, calls_per_minute, alone, neighbours
    FROM calcom_accounts
    WHERE name = ANY (wanted) AND state <> 'closed'
$$;
"""
_DOWN = """
DROP FUNCTION calcom_callers_at(text[]);
DROP INDEX calcom_accounts_service;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.get_bind().exec_driver_sql(_DOWN)

"""Several API keys in one fleet: the accounts at Cal.com, and the account of each booking."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0006_accounts"
down_revision = "0005_actions"

_STATEMENTS = Path(__file__).parents[1] / "accounts.sql"
_KEYS = {
    "given": "WHERE NOT key_derived",
    "derived": "WHERE key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')",
    "ended": "WHERE key_derived AND status IN ('rejected', 'failed', 'expired', 'cancelled')",
}
_TYPE = (  # as it was made (initial/bookings.sql)
    "coalesce(event_type_id::text, ((coalesce(organization_slug || '/', '')"
    " || coalesce('team/' || team_slug, username)) || '/') || event_type_slug)"
)
_OF_ANY, _OF_THE_ACCOUNT = "asked.id = wanted", "asked.id = wanted AND asked.account_id = found.account_id"
_HOLDS = (
    "'breaker_open', 'throttled', 'unreachable', 'settling', 'blind_key', 'credentials', 'configuration', 'suspect'"
)
_DOWN = """
DROP INDEX appointments_paused;
DROP INDEX appointments_other_accounts;
DROP TRIGGER appointments_account_open ON appointments;
DROP TRIGGER appointments_account_kept ON appointments;
DROP FUNCTION refuse_account(), calcom_account_id(text), calcom_open_account(text),
    calcom_account_name(integer);
-- They wait at the pace of the limit.
UPDATE appointments SET hold_reason = 'throttled' WHERE status = 'held' AND hold_reason = 'paused';
ALTER TABLE appointments DROP COLUMN account_id;
ALTER TABLE restored_bookings DROP COLUMN account_id;
ALTER TABLE calcom_event_types DROP COLUMN account_id;
DROP TABLE calcom_accounts;
"""


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    run(_STATEMENTS.read_text("utf-8"))
    _allow_holds(f"{_HOLDS}, 'paused'")
    _index_keys("idempotency_key, account_id")
    _index_types("INCLUDE (account_id)")
    _take_restored(_OF_THE_ACCOUNT)


def downgrade() -> None:
    bind = op.get_bind()
    if bind.execute(sa.text("SELECT EXISTS (SELECT FROM appointments WHERE account_id <> 1)")).scalar():
        # The code of before would post them with CALCOM_API_KEY.
        raise ValueError("there are bookings of other accounts than `default`: this migration stays")
    for name in _KEYS:
        op.execute(f"DROP INDEX appointments_{name}_key")
    bind.exec_driver_sql(_DOWN)
    _allow_holds(_HOLDS)
    _index_keys("idempotency_key")
    _index_types()
    _take_restored(_OF_ANY)


def _allow_holds(reasons: str) -> None:
    op.execute(
        "ALTER TABLE appointments DROP CONSTRAINT appointments_hold_reason_known,"
        f" ADD CONSTRAINT appointments_hold_reason_known CHECK (hold_reason IN ({reasons}))"
    )


def _index_keys(columns: str) -> None:
    """Make the indexes of keys again, under their names: workers know by the name that a key is taken."""
    for name, where in _KEYS.items():
        unique = "" if name == "ended" else "UNIQUE"
        op.execute(f"DROP INDEX IF EXISTS appointments_{name}_key")
        op.execute(f"CREATE {unique} INDEX appointments_{name}_key ON appointments ({columns}) {where}")


def _index_types(more: str = "") -> None:
    """Make the index of confirmed event types again; workers read it in the same order."""
    op.execute("DROP INDEX IF EXISTS appointments_confirmed_types")
    op.execute(
        f"CREATE INDEX appointments_confirmed_types ON appointments ({_TYPE}, id) {more} WHERE status = 'confirmed'"
    )


def _take_restored(joined: str) -> None:
    """Define the function of `booking restored` again: a booking at one account is no other account's."""
    now = sa.text("SELECT pg_get_functiondef(CAST('take_restored_booking(bigint)' AS regprocedure))")
    function: str = op.get_bind().execute(now).scalar_one()
    others = (_OF_THE_ACCOUNT, _OF_ANY) if joined == _OF_ANY else (_OF_ANY, _OF_THE_ACCOUNT)
    op.get_bind().exec_driver_sql(function.replace(*others))

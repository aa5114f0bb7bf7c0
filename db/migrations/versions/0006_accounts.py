"""Several API keys in one fleet: the accounts at Cal.com, and the account of each booking."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from db.migrating.parts import Added, Check, Index

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
ADDED = (
    # Workers of before post each row with CALCOM_API_KEY. Their claims write tokens of version 4, which the CHECK
    # refuses for a row of another account.
    Added(
        "appointments",
        "ADD COLUMN IF NOT EXISTS account_id integer DEFAULT 1 NOT NULL,"
        " DROP CONSTRAINT IF EXISTS appointments_claimed_for_its_account,"
        " ADD CONSTRAINT appointments_claimed_for_its_account CHECK ("
        " account_id = 1 OR status <> 'booking' OR substr(CAST(claim_token AS text), 15, 1) = '8') NOT VALID,"
        " DROP CONSTRAINT appointments_hold_reason_known,"
        f" ADD CONSTRAINT appointments_hold_reason_known CHECK (hold_reason IN ({_HOLDS}, 'paused')) NOT VALID",
    ),
)
# The indexes that take the place of another one have a name of their own until then (`_swap`).
BUILT = (
    Check("appointments", "appointments_claimed_for_its_account"),
    Check("appointments", "appointments_hold_reason_known"),
    # release_due: each account's, in the order of the line
    Index(
        "appointments_paused",
        "appointments",
        "(account_id, line_at, id) WHERE status = 'held' AND hold_reason = 'paused'",
    ),
    # unfinished, release_of_accounts: what lives of other accounts than 1
    Index(
        "appointments_other_accounts",
        "appointments",
        "(account_id, hold_reason, held_for)"
        " WHERE account_id <> 1 AND status IN ('pending', 'booking', 'retrying', 'held')",
    ),
    *(
        Index(f"appointments_{name}_key_new", "appointments", f"(idempotency_key, account_id) {where}", name != "ended")
        for name, where in _KEYS.items()
    ),
    Index(
        "appointments_confirmed_types_new",
        "appointments",
        f"({_TYPE}, id) INCLUDE (account_id) WHERE status = 'confirmed'",
    ),
)
LOCKED = ("appointments", "calcom_event_types", "restored_bookings")
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
    for name in (*(f"{name}_key" for name in _KEYS), "confirmed_types"):
        _swap(f"appointments_{name}")
    _take_restored(_OF_THE_ACCOUNT)


def downgrade() -> None:
    bind = op.get_bind()
    if bind.execute(sa.text("SELECT EXISTS (SELECT FROM appointments WHERE account_id <> 1)")).scalar():
        # The code of before would post them with CALCOM_API_KEY.
        raise ValueError("there are bookings of other accounts than `default`: this migration stays")
    for name in _KEYS:
        op.execute(f"DROP INDEX appointments_{name}_key")
    bind.exec_driver_sql(_DOWN)
    op.execute(
        "ALTER TABLE appointments DROP CONSTRAINT appointments_hold_reason_known,"
        f" ADD CONSTRAINT appointments_hold_reason_known CHECK (hold_reason IN ({_HOLDS}))"
    )
    for name, where in _KEYS.items():
        op.execute(Index(f"appointments_{name}_key", "appointments", f"(idempotency_key) {where}", name != "ended").sql)
    op.execute("DROP INDEX IF EXISTS appointments_confirmed_types")
    op.execute(f"CREATE INDEX appointments_confirmed_types ON appointments ({_TYPE}, id) WHERE status = 'confirmed'")
    _take_restored(_OF_ANY)


def _swap(index: str) -> None:
    """Put an index that was built in the place of one, under its name: workers know by the name that a key is taken."""
    op.execute(f"DROP INDEX {index}")
    op.execute(f"ALTER INDEX {index}_new RENAME TO {index}")


def _take_restored(joined: str) -> None:
    """Define the function of `booking restored` again: a booking at one account is no other account's."""
    now = sa.text("SELECT pg_get_functiondef(CAST('take_restored_booking(bigint)' AS regprocedure))")
    function: str = op.get_bind().execute(now).scalar_one()
    others = (_OF_THE_ACCOUNT, _OF_ANY) if joined == _OF_ANY else (_OF_ANY, _OF_THE_ACCOUNT)
    op.get_bind().exec_driver_sql(function.replace(*others))

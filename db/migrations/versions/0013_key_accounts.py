"""The account of each API key: whose bookings it asks for, and may see."""

from alembic import op

revision = "0013_key_accounts"
down_revision = "0012_wishes"

LOCKED = ("api_keys",)


def upgrade() -> None:
    op.execute("ALTER TABLE api_keys ADD COLUMN account_id integer DEFAULT 1 NOT NULL")


def downgrade() -> None:
    # Without its account a key would ask for bookings of account 1.
    op.execute("UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE account_id <> 1")
    op.execute("ALTER TABLE api_keys DROP COLUMN account_id")

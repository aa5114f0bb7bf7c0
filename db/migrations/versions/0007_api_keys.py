"""Who may ask over HTTP, and which of these keys asked for a booking."""

from alembic import op

from db.migrating.parts import Added, Index

revision = "0007_api_keys"
down_revision = "0006_accounts"

ADDED = (
    # Null: no key asked for it, but Python, the command line or a client. No foreign key: it would lock the key's row
    # for each booking.
    Added("appointments", "ADD COLUMN IF NOT EXISTS api_key_id bigint"),
)
BUILT = (
    # views.of_person
    Index(
        "appointments_of_email",
        "appointments",
        "(attendee_email, start_at) WHERE api_key_id IS NOT NULL AND attendee_email IS NOT NULL",
    ),
    Index(
        "appointments_of_phone",
        "appointments",
        "(attendee_phone, start_at) WHERE api_key_id IS NOT NULL AND attendee_phone IS NOT NULL",
    ),
)
_STATEMENTS = """
-- A row is one caller's key through its rotations. It is never deleted: bookings name it. Of the key's text only the
-- first eight characters stand here, which are no secret; the rest is 256 random bits, so one SHA-256 is enough.
CREATE TABLE api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    handle text NOT NULL,
    key_hash bytea NOT NULL,
    old_hash bytea,
    old_until timestamptz,
    scopes text[] NOT NULL,
    event_types bigint[],
    rate integer NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_hash_length CHECK (octet_length(key_hash) = 32 AND octet_length(old_hash) IS NOT DISTINCT FROM
        CASE WHEN old_until IS NULL THEN NULL ELSE 32 END),
    CONSTRAINT api_keys_rate_positive CHECK (rate > 0)
);
CREATE UNIQUE INDEX api_keys_name ON api_keys (name);
CREATE UNIQUE INDEX api_keys_handle ON api_keys (handle);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.execute("ALTER TABLE appointments DROP COLUMN api_key_id")
    op.execute("DROP TABLE api_keys")

"""A secret of Retell or Vapi belongs to an API key, and proves for that key alone."""

from alembic import op

revision = "0025_voice_secrets"
down_revision = "0024_receivers"

# An old `booking serve` does not read it: there the settings' secrets go on proving for each key with the scope voice.
_STATEMENTS = """
-- One of the secrets by which a platform proves that it asks for an API key; several while one is changed. It is
-- encrypted for its key and platform: a copy in another row opens nothing.
CREATE TABLE voice_secrets (
    api_key_id bigint NOT NULL,
    platform text NOT NULL,
    fingerprint text NOT NULL,
    encrypted_secret text NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    PRIMARY KEY (api_key_id, platform, fingerprint),
    CONSTRAINT voice_secrets_platform CHECK (platform IN ('retell', 'vapi'))
);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.execute("DROP TABLE voice_secrets")

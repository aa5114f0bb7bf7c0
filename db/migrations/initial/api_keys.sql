-- Who may ask over HTTP, and the secrets of voice platforms (db/models/api_keys.py).

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
    callback_url text,
    callback_off_at timestamptz,
    allowed_callback_hosts text[],
    secret_version integer DEFAULT 1 NOT NULL,
    account_id integer DEFAULT 1 NOT NULL,
    CONSTRAINT api_keys_hash_length CHECK (octet_length(key_hash) = 32 AND octet_length(old_hash) IS NOT DISTINCT FROM
        CASE WHEN old_until IS NULL THEN NULL ELSE 32 END),
    CONSTRAINT api_keys_rate_positive CHECK (rate > 0)
);
CREATE UNIQUE INDEX api_keys_name ON api_keys (name);
CREATE UNIQUE INDEX api_keys_handle ON api_keys (handle);

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

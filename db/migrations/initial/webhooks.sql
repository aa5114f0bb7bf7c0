-- What Cal.com has told of bookings by its webhooks: a hint, and never a proof. No name, no address.

CREATE TABLE calcom_webhooks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL,
    trigger text NOT NULL,
    uid text NOT NULL,
    old_uid text,
    reference uuid,
    told_at timestamptz NOT NULL,
    body_hash bytea NOT NULL,
    received_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    looks integer DEFAULT 0 NOT NULL,
    next_at timestamptz,
    outcome text,
    CONSTRAINT calcom_webhooks_hash_length CHECK (octet_length(body_hash) = 32)
);
CREATE UNIQUE INDEX calcom_webhooks_body ON calcom_webhooks (body_hash);
CREATE INDEX calcom_webhooks_due ON calcom_webhooks (next_at) WHERE next_at IS NOT NULL;
-- webhooks_silent, last_received: the newest of an account, and from one account to the next
CREATE INDEX calcom_webhooks_account ON calcom_webhooks (account_id, received_at);

-- What each key knows of event types (db/models/calcom.py).

CREATE TABLE calcom_event_types (
    key_fingerprint text NOT NULL,
    event_type text NOT NULL,
    calcom_id bigint,
    kind text NOT NULL,
    confirms_free_email boolean,
    personal boolean,
    sight boolean NOT NULL,
    seats boolean NOT NULL,
    occurrences integer,
    length_minutes integer,
    deleted boolean DEFAULT false NOT NULL,
    asked_at timestamptz DEFAULT now() NOT NULL,
    kind_changed_at timestamptz,
    looked_at timestamptz,
    account_id integer DEFAULT 1 NOT NULL,
    rescheduling_disabled boolean,
    PRIMARY KEY (key_fingerprint, event_type),
    CONSTRAINT calcom_event_types_kind_known CHECK (
        kind IN ('plain', 'collective', 'round_robin', 'seats',
            'round_robin_seats', 'confirmation', 'round_robin_series', 'other', 'unknown')
    ),
    CONSTRAINT calcom_event_types_occurrences_positive CHECK (occurrences > 0)
);
-- takes_one, known_type
CREATE INDEX calcom_event_types_type ON calcom_event_types (event_type, account_id);

-- Whether an account's event type takes one booking for a time: each key that was shown it saw a personal or a collective type, without
-- seats and weeks, that nobody confirms (`confirms_free_email` told, and off): a booking that its host must confirm takes no time.
-- It may be asked by a caller who may not read the table.
CREATE FUNCTION takes_one(account integer, type text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
SELECT coalesce(bool_and(kind IN ('plain', 'collective') AND NOT seats AND confirms_free_email IS FALSE AND NOT deleted), false)
FROM calcom_event_types
WHERE event_type = type AND account_id = account AND kind <> 'unknown'
$$;

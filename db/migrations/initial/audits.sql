-- Audits at night, and what Cal.com has of requests that a restored database has forgotten (db/models/audits.py).

CREATE TABLE nightly_audits (
    night date NOT NULL,
    token uuid,
    lease_expires_at timestamptz,
    next_at timestamptz,
    halts integer DEFAULT 0 NOT NULL,
    asked bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    findings jsonb DEFAULT '{}'::jsonb NOT NULL,
    begun_at timestamptz DEFAULT now() NOT NULL,
    ended_at timestamptz,
    unfinished text,
    read_changes bigint[] DEFAULT '{}' NOT NULL, -- of a night: the next process goes on after them
    PRIMARY KEY (night)
);

CREATE TABLE restored_bookings (
    reference uuid NOT NULL,
    event_type_id bigint,
    event_type_slug text,
    start_at timestamptz NOT NULL,
    attendee text NOT NULL,
    created_at timestamptz NOT NULL,
    absent_from timestamptz NOT NULL,
    account_id integer DEFAULT 1 NOT NULL,
    PRIMARY KEY (reference, account_id)
);

CREATE INDEX restored_bookings_start ON restored_bookings (start_at, attendee);

-- A request that is asked for again after a restore: Cal.com has its booking, under the reference of the row that was
-- lost. The new row takes that reference, and its outcome is unknown, so that it is looked for and found; as far back as
-- it was made, and not only as far as it was asked for again (`created_at`).
-- One attendee, one event type, one instant, as the derived key has it; each booking is taken once (SKIP LOCKED).
CREATE FUNCTION take_restored_booking(wanted bigint) RETURNS boolean
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    taken restored_bookings;
BEGIN
        SELECT found.* INTO taken
        FROM restored_bookings AS found
        -- Who takes it takes it from all accounts that see it: all of them lock the row of the first, and no other.
        JOIN restored_bookings AS first ON first.reference = found.reference AND first.account_id = (
            SELECT min(account_id) FROM restored_bookings AS one WHERE one.reference = found.reference
        )
        JOIN appointments AS asked ON asked.id = wanted AND asked.account_id = found.account_id
        WHERE found.start_at = date_trunc('milliseconds', asked.start_at)
          AND found.attendee = coalesce(
              asked.attendee_email, regexp_replace(asked.attendee_phone, '\D', '', 'g') || '@sms.cal.com'
          )
          AND (
              found.event_type_id = asked.event_type_id
              OR asked.event_type_id IS NULL AND found.event_type_slug = asked.event_type_slug
              OR found.event_type_id IS NULL AND found.event_type_slug IS NULL
          )
        ORDER BY found.reference
        LIMIT 1
        FOR UPDATE OF first SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM restored_bookings WHERE reference = taken.reference;
    UPDATE appointments
    SET uuid = taken.reference,
        outcome_unknown = true,
        created_at = least(created_at, taken.created_at),
        sent_at = least(requested_at, taken.created_at),
        settle_at = taken.absent_from,
        ends_at = taken.absent_from,
        askable_since = now(),
        updated_at = now()
    WHERE id = wanted;
    INSERT INTO appointment_events (appointment_id, kind, by, detail) VALUES (
        wanted, 'restored', 'operator',
        '{"why": "Cal.com has a booking of it from before the database was restored: look for it first"}'
    );
    RETURN true;
END
$$;

-- After the insert, not before it: a request whose key is known writes no row, and must take nothing.
CREATE FUNCTION take_restored_booking() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM take_restored_booking(NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER appointments_take_restored AFTER INSERT ON appointments
FOR EACH ROW EXECUTE FUNCTION take_restored_booking();

-- Off but after `booking restored`.
ALTER TABLE appointments DISABLE TRIGGER appointments_take_restored;

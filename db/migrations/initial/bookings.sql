-- Bookings (db/models/bookings.py), and the accounts whose bookings they may be.

CREATE TABLE appointments (
    id bigint GENERATED ALWAYS AS IDENTITY,
    uuid uuid DEFAULT gen_random_uuid() NOT NULL,
    idempotency_key text NOT NULL,
    key_derived boolean NOT NULL,
    payload_hash text NOT NULL,
    correlation_id text NOT NULL,
    task_id text NOT NULL,
    status text DEFAULT 'pending' NOT NULL,
    event_type_id bigint,
    event_type_slug text,
    username text,
    team_slug text,
    organization_slug text,
    start_at timestamptz NOT NULL,
    end_at timestamptz,
    length_in_minutes integer,
    attendee_name text NOT NULL,
    attendee_email text,
    attendee_phone text,
    attendee_time_zone text NOT NULL,
    attendee_language text,
    guests jsonb DEFAULT '[]'::jsonb NOT NULL,
    location jsonb,
    booking_fields_responses jsonb DEFAULT '{}'::jsonb NOT NULL,
    request_metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    claim_token uuid,
    lease_expires_at timestamptz,
    leases_lost integer DEFAULT 0 NOT NULL,
    enqueued_at timestamptz,
    next_attempt_at timestamptz,
    resends integer DEFAULT 0 NOT NULL,
    outcome_unknown boolean DEFAULT false NOT NULL,
    sent_at timestamptz,
    settle_at timestamptz,
    looks integer DEFAULT 0 NOT NULL,
    posts integer DEFAULT 0 NOT NULL,
    probe_failures integer DEFAULT 0 NOT NULL,
    refusal jsonb,
    cancel_requested boolean DEFAULT false NOT NULL,
    hold_reason text,
    held_at timestamptz,
    hold_until timestamptz,
    held_for text,
    calcom_booking_uid text,
    calcom_seat_uid text,
    error_type text,
    last_error text,
    requested_at timestamptz DEFAULT now() NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    retry_count integer DEFAULT 0 NOT NULL,
    circuit_breaker_open_at_booking timestamptz,
    resilience_strategy text,
    ends_at timestamptz,
    askable_since timestamptz,
    evidence_posts integer DEFAULT 0 NOT NULL,
    series_uid text,
    series_weeks integer,
    series_of integer,
    line_at timestamptz DEFAULT now() NOT NULL,
    answer_by timestamptz,
    awaits_host boolean,
    checked_at timestamptz,
    booked_start_at timestamptz,
    account_id integer DEFAULT 1 NOT NULL,
    api_key_id bigint, -- null: no key asked for it. No foreign key: it would lock the key's row for each booking.
    callback_url text,
    move_requested boolean DEFAULT false NOT NULL,
    ahead integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT appointments_status_known CHECK (
        status IN ('pending', 'booking', 'retrying', 'held',
            'confirmed', 'rejected', 'failed', 'expired', 'cancelled')
    ),
    CONSTRAINT appointments_hold_reason_known CHECK (
        hold_reason IN ('breaker_open', 'throttled', 'unreachable', 'settling',
            'blind_key', 'credentials', 'configuration', 'suspect', 'paused')
    ),
    CONSTRAINT appointments_resilience_strategy_known CHECK (
        resilience_strategy IN ('immediate_retry', 'exponential_backoff',
            'circuit_breaker_open', 'graceful_degradation')
    ),
    CONSTRAINT appointments_confirmed_has_booking_uid CHECK (status <> 'confirmed' OR calcom_booking_uid IS NOT NULL),
    CONSTRAINT appointments_held_has_reason CHECK (
        CASE WHEN status = 'held' THEN hold_reason IS NOT NULL AND held_at IS NOT NULL
            ELSE num_nonnulls(hold_reason, held_at, hold_until, held_for) = 0
        END
    ),
    CONSTRAINT appointments_booking_has_lease CHECK (
        num_nonnulls(claim_token, lease_expires_at) = CASE WHEN status = 'booking' THEN 2 ELSE 0 END
    ),
    CONSTRAINT appointments_settling_has_end CHECK (
        hold_reason <> 'settling' OR num_nonnulls(settle_at, hold_until) = 2
    ),
    CONSTRAINT appointments_unknown_has_settle_at CHECK (NOT outcome_unknown OR num_nonnulls(sent_at, settle_at) = 2),
    CONSTRAINT appointments_final_is_known CHECK (
        NOT outcome_unknown OR status NOT IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')
    ),
    CONSTRAINT appointments_counts_not_negative CHECK (
        least(leases_lost, resends, looks, posts, probe_failures) >= 0
    ),
    CONSTRAINT appointments_retry_count_not_negative CHECK (retry_count >= 0),
    CONSTRAINT appointments_evidence_not_negative CHECK (least(evidence_posts, series_weeks, series_of) >= 0),
    CONSTRAINT appointments_ends_after_start CHECK (end_at > start_at),
    CONSTRAINT appointments_length_positive CHECK (length_in_minutes > 0),
    CONSTRAINT appointments_event_type_named CHECK (
        event_type_id IS NOT NULL OR event_type_slug IS NOT NULL AND num_nonnulls(username, team_slug) > 0
    ),
    CONSTRAINT appointments_attendee_reachable CHECK (num_nonnulls(attendee_email, attendee_phone) > 0),
    -- A claim that knows of no accounts writes tokens of version 4: it would book with the key of account 1.
    CONSTRAINT appointments_claimed_for_its_account CHECK (
        account_id = 1 OR status <> 'booking' OR substr(CAST(claim_token AS text), 15, 1) = '8'
    )
);

-- A row of an account that is not there, or closed, is refused, and with it its whole batch. The lock makes `booking accounts
-- close` wait, which then sees the row. Not for account 1, which is never closed: its rows cost nothing more than before.
CREATE FUNCTION refuse_account() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE foreign_key_violation USING CONSTRAINT = 'appointments_account_kept', TABLE = 'appointments',
            MESSAGE = 'a booking stays with its account';
    END IF;
    PERFORM FROM calcom_accounts WHERE id = NEW.account_id AND state <> 'closed' FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'UA001', CONSTRAINT = 'appointments_account_open', TABLE = 'appointments',
            MESSAGE = 'there is no open account ' || NEW.account_id;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER appointments_account_open BEFORE INSERT ON appointments
FOR EACH ROW WHEN (NEW.account_id <> 1) EXECUTE FUNCTION refuse_account();
CREATE TRIGGER appointments_account_kept BEFORE UPDATE OF account_id ON appointments
FOR EACH ROW WHEN (NEW.account_id <> OLD.account_id) EXECUTE FUNCTION refuse_account();

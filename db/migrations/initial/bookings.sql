-- Bookings, their events, and what each key knows of event types (db/models/bookings.py, calcom.py).

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
    PRIMARY KEY (id),
    CONSTRAINT appointments_status_known CHECK (
        status IN ('pending', 'booking', 'retrying', 'held',
            'confirmed', 'rejected', 'failed', 'expired', 'cancelled')
    ),
    CONSTRAINT appointments_hold_reason_known CHECK (
        hold_reason IN ('breaker_open', 'throttled', 'unreachable', 'settling',
            'blind_key', 'credentials', 'configuration', 'suspect')
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
    CONSTRAINT appointments_attendee_reachable CHECK (num_nonnulls(attendee_email, attendee_phone) > 0)
);

-- The indexes of bookings, each under the search or sweep that reads it: all are partial but those that name one row.
-- What ends leaves the indexes of what lives, so that no beat reads more because more has been booked (measured by
-- benchmarks/plans.py). Words are literals here and in the statements: else no index serves a prepared statement.

-- find, by_references, was_booked_before; by_task
CREATE UNIQUE INDEX appointments_uuid_key ON appointments (uuid);
CREATE UNIQUE INDEX appointments_task_id_key ON appointments (task_id);
-- find, insert: a given key is in force for ever; a derived one only while its booking lives or is confirmed.
CREATE UNIQUE INDEX appointments_given_key ON appointments (idempotency_key) WHERE NOT key_derived;
CREATE UNIQUE INDEX appointments_derived_key ON appointments (idempotency_key)
    WHERE key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed');
-- find: a key that is free again
CREATE INDEX appointments_ended_key ON appointments (idempotency_key)
    WHERE key_derived AND status IN ('rejected', 'failed', 'expired', 'cancelled');
-- waiting, claim: in the order of the line. With all that waiting.sql asks: else the planner, while it has no statistics
-- of an outage, rather reads and sorts the whole line.
CREATE INDEX appointments_line ON appointments (hold_reason, line_at, id)
    INCLUDE (probe_failures, outcome_unknown)
    WHERE status = 'held';
-- listing, held_now: by request
CREATE INDEX appointments_release ON appointments (hold_reason, requested_at, id)
    INCLUDE (probe_failures, outcome_unknown)
    WHERE status = 'held';
-- release_due. Only of holds that have a cause: the line is to be read by appointments_line.
CREATE INDEX appointments_due ON appointments (hold_until) WHERE status = 'held';
CREATE INDEX appointments_resting ON appointments (id)
    WHERE status = 'held' AND hold_reason = 'unreachable' AND probe_failures >= 3;
CREATE INDEX appointments_held_for ON appointments (hold_reason, held_for)
    WHERE status = 'held' AND held_for IS NOT NULL;
-- suspects_due, never_known
CREATE INDEX appointments_suspects ON appointments (requested_at, id)
    WHERE status = 'held' AND hold_reason = 'suspect' AND outcome_unknown;
CREATE INDEX appointments_blind ON appointments (start_at) WHERE status = 'held' AND hold_reason = 'blind_key';
-- flag_degraded: a row that is flagged leaves it, however long it is held.
CREATE INDEX appointments_unflagged ON appointments (requested_at)
    WHERE status = 'held' AND resilience_strategy IS DISTINCT FROM 'graceful_degradation';
-- expire: by start, and by the caller's own bound, which few requests have
CREATE INDEX appointments_expirable ON appointments (start_at)
    WHERE status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown;
CREATE INDEX appointments_answer_by ON appointments (answer_by)
    WHERE status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown AND answer_by IS NOT NULL;
-- lost_leases
CREATE INDEX appointments_lease ON appointments (lease_expires_at) WHERE status = 'booking';
CREATE INDEX appointments_lost_often ON appointments (id)
    WHERE status IN ('booking', 'retrying') AND leases_lost > 0;
-- unsent: what waits, and the newest message that was certainly delivered, evidence that older ones are lost
CREATE INDEX appointments_unsent ON appointments (enqueued_at) WHERE status IN ('pending', 'retrying');
CREATE INDEX appointments_delivered ON appointments (enqueued_at)
    WHERE enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying');
-- series_due
CREATE INDEX appointments_uncounted_series ON appointments (ends_at)
    WHERE status = 'confirmed' AND series_uid IS NOT NULL AND series_weeks IS NULL;
-- confirmed_between, seat_before
CREATE INDEX appointments_confirmed_start ON appointments (start_at, id) WHERE status = 'confirmed';
-- ended_unknown_between
CREATE INDEX appointments_ended_unknown ON appointments (start_at, id)
    WHERE status IN ('rejected', 'failed', 'expired', 'cancelled') AND sent_at IS NOT NULL;
-- event_types.confirmed, by the name of the event type: to the letter the EVENT_TYPE of db/sql/__init__.py, else it does
-- not serve
CREATE INDEX appointments_confirmed_types ON appointments (
    coalesce(event_type_id::text, ((coalesce(organization_slug || '/', '')
        || coalesce('team/' || team_slug, username)) || '/') || event_type_slug),
    id
) WHERE status = 'confirmed';
-- status_queries.unclear_calls
CREATE INDEX appointments_sent ON appointments (sent_at) WHERE sent_at IS NOT NULL;
-- the report's periods; listing
CREATE INDEX appointments_requested_at ON appointments (requested_at);
-- listing, on_the_way: by state; what is held also by request and by start (at_risk). Of the request an expression, which
-- only lists of held bookings order by: these are never to read all requests.
CREATE INDEX appointments_status ON appointments (status, id);
CREATE INDEX appointments_held_asked ON appointments (timezone('UTC'::text, requested_at), id)
    WHERE status = 'held';
CREATE INDEX appointments_held_start ON appointments (start_at, id) WHERE status = 'held';
-- search.find
CREATE INDEX appointments_correlation ON appointments (correlation_id, id);
CREATE INDEX appointments_booking_uid ON appointments (calcom_booking_uid) WHERE calcom_booking_uid IS NOT NULL;
-- metric_totals.read; what has ended is never unknown
CREATE INDEX appointments_unknown ON appointments (id) WHERE outcome_unknown;
-- counts_now.ended_badly, status_queries.ended_bookings
CREATE INDEX appointments_ended_badly ON appointments (updated_at) WHERE status IN ('failed', 'expired');

CREATE TABLE appointment_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    appointment_id bigint NOT NULL,
    kind text NOT NULL,
    by text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT appointment_events_appointment_id_fkey
        FOREIGN KEY (appointment_id) REFERENCES appointments (id) ON DELETE CASCADE
);

-- What operators must hear of (NOTABLE in db/appointments/events.py), and cancellations that an audit began
CREATE INDEX appointment_events_notable ON appointment_events (created_at)
    WHERE kind IN ('told_not_booked', 'series_cut', 'cancel_there', 'made_again', 'cancelling_double');
CREATE INDEX appointment_events_story ON appointment_events (appointment_id, id);

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
    PRIMARY KEY (key_fingerprint, event_type),
    CONSTRAINT calcom_event_types_kind_known CHECK (
        kind IN ('plain', 'collective', 'round_robin', 'seats',
            'round_robin_seats', 'confirmation', 'round_robin_series', 'other', 'unknown')
    ),
    CONSTRAINT calcom_event_types_occurrences_positive CHECK (occurrences > 0)
);

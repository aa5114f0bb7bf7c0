-- Cancels and moves of bookings: what is wished, what became of it, and the starts that a move has left or wants.

-- A row is one wish (db/models/changes.py). `from_uid` is the uid at Cal.com that its POSTs change: of a seat that of
-- the shared booking, of a series that of the whole series. It is null until the booking is known to be there.
CREATE TABLE booking_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id bigint NOT NULL REFERENCES appointments (id) ON DELETE CASCADE,
    account_id integer NOT NULL,
    service text NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    start_at timestamptz NOT NULL,
    reason text NOT NULL,
    asked_by text NOT NULL,
    via text NOT NULL,
    idempotency_key text,
    correlation_id text NOT NULL,
    task_id text NOT NULL,
    from_uid text,
    from_seat_uid text,
    to_uid text,
    to_seat_uid text,
    claim_token uuid,
    lease_expires_at timestamptz,
    leases_lost integer DEFAULT 0 NOT NULL,
    enqueued_at timestamptz,
    next_attempt_at timestamptz,
    resends integer DEFAULT 0 NOT NULL,
    outcome_unknown boolean DEFAULT false NOT NULL,
    settle_at timestamptz,
    ends_at timestamptz,
    looks integer DEFAULT 0 NOT NULL,
    posts integer DEFAULT 0 NOT NULL,
    retry_count integer DEFAULT 0 NOT NULL,
    probe_failures integer DEFAULT 0 NOT NULL,
    may_have_moved boolean DEFAULT false NOT NULL,
    refusal text,
    weeks_named jsonb DEFAULT '[]'::jsonb NOT NULL,
    hold_reason text,
    held_at timestamptz,
    hold_until timestamptz,
    held_for text,
    error_type text,
    last_error text,
    line_at timestamptz NOT NULL,
    requested_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    scope text, -- which weeks of a series; null: the whole booking
    week timestamptz,
    late_look_at timestamptz,
    late_looks integer DEFAULT 0 NOT NULL,
    resilience_strategy text,
    CONSTRAINT booking_changes_kind_known CHECK (kind IN ('cancel', 'reschedule')),
    CONSTRAINT booking_changes_status_known CHECK (
        status IN ('waiting', 'pending', 'changing', 'retrying', 'held',
            'done', 'refused', 'failed', 'expired', 'withdrawn')
    ),
    CONSTRAINT booking_changes_hold_reason_known CHECK (
        hold_reason IN ('breaker_open', 'throttled', 'unreachable', 'settling',
            'blind_key', 'credentials', 'configuration', 'suspect', 'paused')
    ),
    CONSTRAINT booking_changes_held_has_reason CHECK (
        CASE WHEN status = 'held' THEN hold_reason IS NOT NULL AND held_at IS NOT NULL
            ELSE num_nonnulls(hold_reason, held_at, hold_until, held_for) = 0
        END
    ),
    CONSTRAINT booking_changes_changing_has_lease CHECK (
        num_nonnulls(claim_token, lease_expires_at) = CASE WHEN status = 'changing' THEN 2 ELSE 0 END
    ),
    CONSTRAINT booking_changes_sent_has_uid CHECK (
        from_uid IS NOT NULL OR status NOT IN ('pending', 'changing', 'retrying', 'held')
    ),
    CONSTRAINT booking_changes_unknown_has_times CHECK (NOT outcome_unknown OR num_nonnulls(settle_at, ends_at) = 2),
    CONSTRAINT booking_changes_over_is_known CHECK (
        NOT outcome_unknown OR status NOT IN ('waiting', 'done', 'refused', 'failed', 'expired', 'withdrawn')
    ),
    CONSTRAINT booking_changes_counts_not_negative CHECK (
        least(leases_lost, resends, looks, posts, retry_count, probe_failures) >= 0
    ),
    CONSTRAINT booking_changes_scope_known CHECK (scope IN ('following', 'one')),
    CONSTRAINT booking_changes_scope_has_week CHECK (
        num_nonnulls(scope, week) IN (0, 2) AND (scope IS NULL OR kind = 'cancel')
    ),
    -- A claim that knows of no weeks writes tokens of version 4: it would cancel the whole series.
    CONSTRAINT booking_changes_weeks_claimed CHECK (
        scope IS NULL OR status <> 'changing' OR substr(CAST(claim_token AS text), 15, 1) = '8'
    )
);
-- Never two calls that change one uid at one Cal.com: of one that is sent, or whose outcome is unknown, there is one.
CREATE UNIQUE INDEX booking_changes_of_uid ON booking_changes (service, from_uid)
    WHERE status = 'changing' OR outcome_unknown;
-- claim, next_of, promote: what is open of a uid
CREATE INDEX booking_changes_open ON booking_changes (service, from_uid, id)
    WHERE status IN ('waiting', 'pending', 'changing', 'retrying', 'held');
-- story, asking: of one booking. The same key is the same wish.
CREATE INDEX booking_changes_appointment ON booking_changes (appointment_id, id);
CREATE UNIQUE INDEX booking_changes_key ON booking_changes (appointment_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE UNIQUE INDEX booking_changes_task_id ON booking_changes (task_id);
-- waiting, claim: the line
CREATE INDEX booking_changes_line ON booking_changes (hold_reason, line_at, id) WHERE status = 'held';
-- change_line, change_claim, in_line
CREATE INDEX booking_changes_account_line ON booking_changes (account_id, hold_reason, line_at, id)
    WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled');
-- asked_before: who is to be moved there
CREATE INDEX booking_changes_wanted ON booking_changes (account_id, start_at)
    WHERE kind = 'reschedule' AND status IN ('pending', 'changing', 'retrying', 'held');
-- change_due, by time and by cause
CREATE INDEX booking_changes_due ON booking_changes (hold_until) WHERE status = 'held';
CREATE INDEX booking_changes_held_for ON booking_changes (hold_reason, held_for) WHERE status = 'held';
-- accounts_held, change_due: of one account, what is held for a cause or a time
CREATE INDEX booking_changes_account_held ON booking_changes (account_id, hold_reason, hold_until)
    WHERE status = 'held';
-- flag_degraded
CREATE INDEX booking_changes_unflagged ON booking_changes (requested_at)
    WHERE status = 'held' AND resilience_strategy IS DISTINCT FROM 'graceful_degradation';
-- change_leases, change_unsent, change_promote, change_expire
CREATE INDEX booking_changes_lease ON booking_changes (lease_expires_at) WHERE status = 'changing';
CREATE INDEX booking_changes_unsent ON booking_changes (enqueued_at) WHERE status IN ('pending', 'retrying');
-- unsent: how far the queue has been delivered
CREATE INDEX booking_changes_delivered ON booking_changes (enqueued_at)
    WHERE enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying');
CREATE INDEX booking_changes_waiting ON booking_changes (id) WHERE status = 'waiting';
CREATE INDEX booking_changes_expirable ON booking_changes (start_at)
    WHERE kind = 'reschedule' AND status IN ('waiting', 'pending', 'retrying', 'held');
-- late_looks: none is due where it is null
CREATE INDEX booking_changes_late_look ON booking_changes (late_look_at) WHERE late_look_at IS NOT NULL;
-- front_door.changes: what is open, the oldest first
CREATE INDEX booking_changes_oldest ON booking_changes (requested_at)
    WHERE status IN ('waiting', 'pending', 'changing', 'retrying', 'held');
-- ended_between: what was sent to Cal.com, and is over
CREATE INDEX booking_changes_ended ON booking_changes (updated_at, id)
    WHERE status IN ('done', 'refused', 'failed', 'expired') AND posts > 0;

-- A row is one wish that nobody has read yet (db/models/changes.py). There is no foreign key to `appointments`: its
-- check locks the booking until the client's transaction ends, and a worker could not write the booking meanwhile.
CREATE TABLE change_wishes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id bigint NOT NULL,
    kind text NOT NULL,
    start_at timestamptz,
    reason text,
    idempotency_key text,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT change_wishes_kind_known CHECK (kind IN ('cancel', 'reschedule')),
    CONSTRAINT change_wishes_start_wanted CHECK ((kind = 'reschedule') = (start_at IS NOT NULL)),
    CONSTRAINT change_wishes_start_real CHECK (start_at BETWEEN '2000-01-01Z' AND '2101-01-01Z')
);
-- outcome, change_wish: of one booking, in their order
CREATE INDEX change_wishes_appointment ON change_wishes (appointment_id, id);

-- The starts besides its own that a booking answers for: those from which and to which it was moved, or is to be moved.
-- A request for one of them, by the derived key that it has there, is this booking while that lives or is confirmed.
-- The key is null where the booking's own is a given one: such a booking is found by its person alone.
CREATE TABLE moved_starts (
    appointment_id bigint NOT NULL REFERENCES appointments (id) ON DELETE CASCADE,
    start_at timestamptz NOT NULL,
    account_id integer NOT NULL,
    idempotency_key text,
    PRIMARY KEY (appointment_id, start_at)
);
-- insert, known_keys, is_taken
CREATE INDEX moved_starts_key ON moved_starts (idempotency_key) WHERE idempotency_key IS NOT NULL;

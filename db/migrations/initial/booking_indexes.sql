-- The indexes of bookings, each under the search or sweep that reads it: all are partial but those that name one row.
-- What ends leaves the indexes of what lives, so that no beat reads more because more has been booked (measured by
-- benchmarks/plans.py). Words are literals here and in the statements: else no index serves a prepared statement.

-- find, by_references, was_booked_before; by_task
CREATE UNIQUE INDEX appointments_uuid_key ON appointments (uuid);
CREATE UNIQUE INDEX appointments_task_id_key ON appointments (task_id);
-- find, insert: a given key is in force for ever; a derived one only while its booking lives or is confirmed.
CREATE UNIQUE INDEX appointments_given_key ON appointments (idempotency_key, account_id) WHERE NOT key_derived;
CREATE UNIQUE INDEX appointments_derived_key ON appointments (idempotency_key, account_id)
    WHERE key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed');
-- find: a key that is free again
CREATE INDEX appointments_ended_key ON appointments (idempotency_key, account_id)
    WHERE key_derived AND status IN ('rejected', 'failed', 'expired', 'cancelled');
-- waiting, claim: in the order of the line. With all that waiting.sql asks: else the planner, while it has no statistics
-- of an outage, rather reads and sorts the whole line.
CREATE INDEX appointments_line ON appointments (hold_reason, line_at, id)
    INCLUDE (probe_failures, outcome_unknown)
    WHERE status = 'held';
-- waiting, claim, insert, in_line: of one account, and from one account that has a line to the next
CREATE INDEX appointments_account_line ON appointments (account_id, hold_reason, line_at, id)
    INCLUDE (probe_failures, outcome_unknown)
    WHERE status = 'held' AND hold_reason IN ('breaker_open', 'throttled');
-- insert, asked_before: who wants a time. These alone ask for `ahead >= 0`, which is true of all: without statistics the
-- planner would else read all of it for sweeps that have an index of their own.
CREATE INDEX appointments_wanted ON appointments (account_id, start_at)
    WHERE ahead >= 0 AND status IN ('pending', 'booking', 'retrying', 'held');
-- listing, held_now: by request. What is in line keeps the hold_reason of those before it, and held_for says so.
CREATE INDEX appointments_release ON appointments (hold_reason, requested_at, id)
    INCLUDE (probe_failures, outcome_unknown)
    WHERE status = 'held';
CREATE INDEX appointments_held_by ON appointments (
    (CASE WHEN held_for = 'line' THEN 'in_line' ELSE hold_reason END), requested_at, id
) WHERE status = 'held';
-- release_due. Only of holds that have a cause: the line is to be read by appointments_line.
CREATE INDEX appointments_due ON appointments (hold_until) WHERE status = 'held';
-- release_due, accounts_held: of one account, what is held for a time, and what its pause holds
CREATE INDEX appointments_account_due ON appointments (account_id, hold_until)
    WHERE status = 'held' AND hold_until IS NOT NULL;
CREATE INDEX appointments_paused ON appointments (account_id, line_at, id)
    WHERE status = 'held' AND hold_reason = 'paused';
-- unfinished, release_of_accounts: what lives of other accounts than 1
CREATE INDEX appointments_other_accounts ON appointments (account_id, hold_reason, held_for)
    WHERE account_id <> 1 AND status IN ('pending', 'booking', 'retrying', 'held');
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
-- seat_before
CREATE INDEX appointments_confirmed_start ON appointments (start_at, id) WHERE status = 'confirmed';
-- confirmed_between: to the letter the expression of db/audits/bookings.py, else it does not serve
CREATE INDEX appointments_booked_start ON appointments (coalesce(booked_start_at, start_at), id)
    WHERE status = 'confirmed';
-- ended_unknown_between
CREATE INDEX appointments_ended_unknown ON appointments (start_at, id)
    WHERE status IN ('rejected', 'failed', 'expired', 'cancelled') AND sent_at IS NOT NULL;
-- event_types.confirmed, by the name of the event type: to the letter the EVENT_TYPE of db/sql/__init__.py, else it does
-- not serve
CREATE INDEX appointments_confirmed_types ON appointments (
    coalesce(event_type_id::text, ((coalesce(organization_slug || '/', '')
        || coalesce('team/' || team_slug, username)) || '/') || event_type_slug),
    id
) INCLUDE (account_id) WHERE status = 'confirmed';
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
-- views.of_person; views_of_key
CREATE INDEX appointments_of_email ON appointments (attendee_email, start_at)
    WHERE api_key_id IS NOT NULL AND attendee_email IS NOT NULL;
CREATE INDEX appointments_of_phone ON appointments (attendee_phone, start_at)
    WHERE api_key_id IS NOT NULL AND attendee_phone IS NOT NULL;
CREATE INDEX appointments_of_key ON appointments (api_key_id, id) WHERE api_key_id IS NOT NULL;
-- metric_totals.read; what has ended is never unknown
CREATE INDEX appointments_unknown ON appointments (id) WHERE outcome_unknown;
-- counts_now.ended_badly, status_queries.ended_bookings
CREATE INDEX appointments_ended_badly ON appointments (updated_at) WHERE status IN ('failed', 'expired');

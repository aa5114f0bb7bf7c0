"""Changes of bookings: each wish to cancel or to move one, and what became of it."""

from alembic import op

from db.migrating.parts import Index

revision = "0009_changes"
down_revision = "0008_breaker_accounts"

BUILT = (
    # What operators must hear of, changes too. It takes the place of the index without `_new`.
    Index(
        "appointment_events_notable_new",
        "appointment_events",
        "(created_at)"
        " WHERE kind IN ('told_not_booked', 'series_cut', 'cancel_there', 'made_again', 'cancelling_double',"
        " 'change_needs_you')",
    ),
)
LOCKED = ("appointments", "appointment_events")
_STATEMENTS = """
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
-- change_due, by time and by cause
CREATE INDEX booking_changes_due ON booking_changes (hold_until) WHERE status = 'held';
CREATE INDEX booking_changes_held_for ON booking_changes (hold_reason, held_for) WHERE status = 'held';
-- change_leases, change_unsent, change_promote, change_expire
CREATE INDEX booking_changes_lease ON booking_changes (lease_expires_at) WHERE status = 'changing';
CREATE INDEX booking_changes_unsent ON booking_changes (enqueued_at) WHERE status IN ('pending', 'retrying');
CREATE INDEX booking_changes_waiting ON booking_changes (id) WHERE status = 'waiting';
CREATE INDEX booking_changes_expirable ON booking_changes (start_at)
    WHERE kind = 'reschedule' AND status IN ('waiting', 'pending', 'retrying', 'held');

DROP INDEX appointment_events_notable;
ALTER INDEX appointment_events_notable_new RENAME TO appointment_events_notable;

-- Cancels that wait since before for the open outcome of a booking.
INSERT INTO booking_changes (
    appointment_id, account_id, service, kind, status, start_at, reason, asked_by, via, correlation_id, task_id, line_at
)
SELECT
    booking.id, account_id, service, 'cancel', 'waiting', start_at, 'Cancelled on request', 'operator', 'before',
    correlation_id, CAST(gen_random_uuid() AS text), now()
FROM appointments AS booking
JOIN calcom_accounts AS account ON account.id = booking.account_id
WHERE cancel_requested AND booking.status IN ('pending', 'booking', 'retrying', 'held');

-- If the same booking is asked for again, it is wanted: a cancel that was not sent is withdrawn, and so is each move.
-- One that was sent cannot be taken back: then the row says what it said, and so does the receipt.
-- With the rights of the owner: a caller need not know this table, and a worker of before neither.
CREATE FUNCTION withdraw_changes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    WITH unsent AS (
        UPDATE booking_changes
        SET status = 'withdrawn', hold_reason = NULL, held_at = NULL, hold_until = NULL, held_for = NULL,
            next_attempt_at = NULL, updated_at = now()
        WHERE appointment_id = NEW.id AND posts = 0 AND NOT outcome_unknown
            AND status IN ('waiting', 'pending', 'retrying', 'held')
        RETURNING id, kind
    )
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT NEW.id, 'change_withdrawn', 'caller',
        jsonb_build_object('change', id, 'what', kind, 'why', 'asked for again')
    FROM unsent;
    NEW.cancel_requested := EXISTS (
        SELECT FROM booking_changes
        WHERE appointment_id = NEW.id AND kind = 'cancel' AND status IN ('pending', 'changing', 'retrying', 'held')
    );
    RETURN NEW;
END
$$;
CREATE TRIGGER appointments_wanted_again BEFORE UPDATE OF cancel_requested ON appointments
FOR EACH ROW WHEN (OLD.cancel_requested AND NOT NEW.cancel_requested AND NEW.status = OLD.status)
EXECUTE FUNCTION withdraw_changes();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)


def downgrade() -> None:
    op.execute("DROP TRIGGER appointments_wanted_again ON appointments")
    op.execute("DROP FUNCTION withdraw_changes()")
    op.execute("DROP TABLE booking_changes")
    op.execute("DROP INDEX appointment_events_notable")
    op.execute(
        "CREATE INDEX appointment_events_notable ON appointment_events (created_at) WHERE kind IN"
        " ('told_not_booked', 'series_cut', 'cancel_there', 'made_again', 'cancelling_double')"
    )

-- What happened to a booking, and which transaction wrote it: for callers who ask what has settled since a cursor.

CREATE TABLE appointment_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    appointment_id bigint NOT NULL,
    kind text NOT NULL,
    by text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id(),
    PRIMARY KEY (id),
    CONSTRAINT appointment_events_appointment_id_fkey
        FOREIGN KEY (appointment_id) REFERENCES appointments (id) ON DELETE CASCADE
);

-- What operators must hear of (NOTABLE in db/appointments/events.py), and cancellations that an audit began
CREATE INDEX appointment_events_notable ON appointment_events (created_at)
    WHERE kind IN ('told_not_booked', 'series_cut', 'cancel_there', 'made_again', 'cancelling_double',
        'change_needs_you');
CREATE INDEX appointment_events_story ON appointment_events (appointment_id, id);
-- settled_since
CREATE INDEX appointment_events_settled ON appointment_events (xid, id)
    WHERE xid IS NOT NULL AND kind IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled');

-- What the page and /metrics show without reading everything, and what operators did (db/models/counts.py).

CREATE TABLE booking_minutes (
    minute timestamptz NOT NULL,
    accepted integer DEFAULT 0 NOT NULL,
    confirmed integer DEFAULT 0 NOT NULL,
    rejected integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    expired integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    retries integer DEFAULT 0 NOT NULL,
    held integer,
    PRIMARY KEY (minute)
);

CREATE TABLE counted_bookings (
    id smallint DEFAULT '1' NOT NULL,
    event_id bigint DEFAULT '0' NOT NULL,
    appointment_id bigint DEFAULT '0' NOT NULL,
    seen_event_id bigint DEFAULT '0' NOT NULL,
    seen_appointment_id bigint DEFAULT '0' NOT NULL,
    writers text[] DEFAULT '{}'::text[] NOT NULL,
    seen_at timestamptz,
    whole_at timestamptz,
    counted_until timestamptz,
    PRIMARY KEY (id),
    CONSTRAINT counted_bookings_one_row CHECK (id = 1)
);

CREATE TABLE held_now (
    reason text NOT NULL,
    count integer NOT NULL,
    at_risk integer NOT NULL,
    oldest_held_at timestamptz,
    oldest_requested_at timestamptz,
    first_start timestamptz,
    next_until timestamptz,
    counted_at timestamptz NOT NULL,
    PRIMARY KEY (reason)
);

CREATE TABLE operator_actions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    request_id uuid NOT NULL,
    who text NOT NULL,
    via text NOT NULL,
    action text NOT NULL,
    target jsonb DEFAULT '{}'::jsonb NOT NULL,
    why text,
    asked_at timestamptz DEFAULT now() NOT NULL,
    done_at timestamptz,
    refused text,
    epoch_seen bigint,
    ids bigint[],
    done integer DEFAULT 0 NOT NULL,
    moved_on integer DEFAULT 0 NOT NULL,
    outcomes jsonb DEFAULT '{}'::jsonb NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT operator_actions_request_id_key UNIQUE (request_id)
);
-- call_marks: a mark is about one booking.
CREATE INDEX operator_actions_calls ON operator_actions ((ids[1]), id)
    WHERE action IN ('called', 'not_called');
-- recorded: the actions of one person, of one kind, of both
CREATE INDEX operator_actions_who ON operator_actions (who, id);
CREATE INDEX operator_actions_action ON operator_actions (action, id);
CREATE INDEX operator_actions_who_action ON operator_actions (who, action, id);

CREATE TABLE metric_totals (
    name text NOT NULL,
    labels text[] NOT NULL,
    value double precision NOT NULL,
    PRIMARY KEY (name, labels)
);

-- The last count of what is held by which cause, while it was too much to be counted by each reader: the one row of it.
CREATE TABLE causes_now (
    id smallint DEFAULT '1' NOT NULL,
    counted_at timestamptz NOT NULL,
    rows jsonb NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT causes_now_one_row CHECK (id = 1)
);

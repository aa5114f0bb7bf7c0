-- What the resilience patterns and the alerts keep (db/models/resilience.py).

CREATE TABLE circuit_breaker_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    service text NOT NULL,
    endpoint text,
    old_state text NOT NULL,
    new_state text NOT NULL,
    reason text NOT NULL,
    failure_count integer DEFAULT 0 NOT NULL,
    context jsonb DEFAULT '{}'::jsonb NOT NULL,
    epoch bigint NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    account_id bigint, -- null: the breaker of all accounts
    PRIMARY KEY (id),
    CONSTRAINT circuit_breaker_events_failure_count_not_negative CHECK (failure_count >= 0),
    CONSTRAINT circuit_breaker_events_once UNIQUE NULLS NOT DISTINCT (service, endpoint, account_id, epoch)
);

CREATE INDEX circuit_breaker_events_created_at ON circuit_breaker_events (created_at);
CREATE INDEX circuit_breaker_events_service ON circuit_breaker_events (service);
CREATE INDEX circuit_breaker_events_service_created_at ON circuit_breaker_events (service, created_at);

CREATE TABLE failure_metrics (
    id bigint GENERATED ALWAYS AS IDENTITY,
    service text NOT NULL,
    endpoint text,
    error_type text NOT NULL,
    count integer DEFAULT 1 NOT NULL,
    severity smallint DEFAULT '2' NOT NULL,
    success_rate double precision DEFAULT '0' NOT NULL,
    avg_response_time_ms double precision,
    max_response_time_ms double precision,
    first_occurrence_at timestamptz,
    last_occurrence_at timestamptz,
    last_error_context jsonb DEFAULT '{}'::jsonb NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL,
    response_time_buckets integer[],
    at_least boolean DEFAULT false NOT NULL, -- it may lack some
    PRIMARY KEY (id),
    CONSTRAINT failure_metrics_count_not_negative CHECK (count >= 0),
    CONSTRAINT failure_metrics_severity_known CHECK (severity BETWEEN 1 AND 3),
    CONSTRAINT failure_metrics_success_rate_is_a_share CHECK (success_rate BETWEEN 0 AND 1),
    CONSTRAINT failure_metrics_window_ends_after_start CHECK (window_end > window_start),
    CONSTRAINT failure_metrics_once UNIQUE NULLS NOT DISTINCT (service, endpoint, error_type, window_start)
);

CREATE INDEX failure_metrics_error_type ON failure_metrics (error_type);
CREATE INDEX failure_metrics_last_occurrence_at ON failure_metrics (last_occurrence_at);
CREATE INDEX failure_metrics_service ON failure_metrics (service);
CREATE INDEX failure_metrics_service_created_at ON failure_metrics (service, created_at);
CREATE INDEX failure_metrics_service_window ON failure_metrics (service, window_start);

CREATE TABLE breaker_overrides (
    id bigint GENERATED ALWAYS AS IDENTITY,
    service text NOT NULL,
    mode text NOT NULL,
    key_fingerprint text,
    by text NOT NULL,
    why text NOT NULL,
    until timestamptz,
    created_at timestamptz DEFAULT now() NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    PRIMARY KEY (id),
    CONSTRAINT breaker_overrides_mode_known CHECK (mode IN ('open', 'off', 'credentials')),
    CONSTRAINT breaker_overrides_credentials_has_key CHECK (mode <> 'credentials' OR key_fingerprint IS NOT NULL)
);

CREATE UNIQUE INDEX breaker_overrides_in_force ON breaker_overrides (service, mode, key_fingerprint) NULLS NOT DISTINCT
    WHERE lifted_at IS NULL;

CREATE TABLE alert_incidents (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    subject text,
    occurrences integer DEFAULT 1 NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    opened_at timestamptz DEFAULT now() NOT NULL,
    last_seen_at timestamptz DEFAULT now() NOT NULL,
    notified_at timestamptz,
    closed_at timestamptz,
    updated_at timestamptz DEFAULT now() NOT NULL,
    news integer DEFAULT 0 NOT NULL,
    news_at timestamptz,
    message text DEFAULT '' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT alert_incidents_occurrences_positive CHECK (occurrences > 0),
    CONSTRAINT alert_incidents_news_has_moment CHECK ((news > 0) = (news_at IS NOT NULL))
);

CREATE UNIQUE INDEX alert_incidents_open ON alert_incidents (kind, subject) NULLS NOT DISTINCT
    WHERE closed_at IS NULL;
CREATE INDEX alert_incidents_opened_at ON alert_incidents (opened_at);

CREATE TABLE alert_deliveries (
    incident_id bigint NOT NULL,
    sink text NOT NULL,
    news integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamptz DEFAULT now() NOT NULL,
    trouble text,
    sent_at timestamptz,
    PRIMARY KEY (incident_id, sink),
    CONSTRAINT alert_deliveries_incident_id_fkey
        FOREIGN KEY (incident_id) REFERENCES alert_incidents (id) ON DELETE CASCADE
);

CREATE TABLE heartbeats (
    name text NOT NULL,
    every_seconds double precision NOT NULL,
    ticked_at timestamptz NOT NULL,
    PRIMARY KEY (name)
);

-- Callbacks: what is sent to the callers of the HTTP API when their bookings settle (db/models/callbacks.py).

CREATE TABLE callbacks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    appointment_id bigint NOT NULL REFERENCES appointments (id) ON DELETE CASCADE,
    sequence integer NOT NULL,
    api_key_id bigint NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    about jsonb NOT NULL,
    url text NOT NULL,
    host text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    claims integer DEFAULT 0 NOT NULL,
    is_sending boolean DEFAULT false NOT NULL,
    next_at timestamptz,
    trouble text,
    created_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    delivered_at timestamptz,
    given_up_at timestamptz,
    xid xid8 DEFAULT pg_current_xact_id(), -- which transaction wrote it: callers read on from a cursor
    CONSTRAINT callbacks_numbered UNIQUE (appointment_id, sequence),
    CONSTRAINT callbacks_over_is_not_due CHECK (
        num_nonnulls(delivered_at, given_up_at) = 0 OR next_at IS NULL AND NOT is_sending
    )
);
-- claim_callbacks: from receiver to receiver, and of each what is due. What waits for an earlier one of its booking is
-- not in it.
CREATE INDEX callbacks_due_at ON callbacks (host, api_key_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX callbacks_sending ON callbacks (host) WHERE is_sending;
-- the next of a booking; what waits, and what was given up
CREATE INDEX callbacks_waiting ON callbacks (appointment_id, sequence) WHERE delivered_at IS NULL;
-- front_door.callbacks: what waits, the oldest first; what was given up, and of it what is not let be
CREATE INDEX callbacks_oldest ON callbacks (created_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX callbacks_given_up ON callbacks (given_up_at)
    WHERE delivered_at IS NULL AND given_up_at IS NOT NULL AND trouble IS DISTINCT FROM '410' AND url <> '';
CREATE INDEX callbacks_given_up_open ON callbacks (given_up_at)
    WHERE delivered_at IS NULL AND given_up_at IS NOT NULL AND trouble IS DISTINCT FROM '410'
        AND trouble IS DISTINCT FROM 'dropped' AND url <> '';
-- callback_events
CREATE INDEX callbacks_of_key ON callbacks (api_key_id, xid, id) WHERE xid IS NOT NULL;

-- A host that fails; a host without a row is well.
CREATE TABLE callback_hosts (
    host text PRIMARY KEY,
    failures integer NOT NULL,
    rests_until timestamptz
);

-- A receiver that fails; one without a row is well.
CREATE TABLE callback_receivers (
    host text NOT NULL,
    api_key_id bigint NOT NULL,
    failures integer NOT NULL,
    rests_until timestamptz,
    PRIMARY KEY (host, api_key_id)
);

-- A booking whose request names no callback address takes that of the key that asks for it, and keeps it when the key gets
-- another one.
CREATE FUNCTION take_callback_url() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SELECT callback_url INTO NEW.callback_url
    FROM api_keys WHERE id = NEW.api_key_id AND callback_off_at IS NULL;
    RETURN NEW;
END
$$;
CREATE TRIGGER appointments_take_callback_url BEFORE INSERT ON appointments
FOR EACH ROW WHEN (NEW.api_key_id IS NOT NULL AND NEW.callback_url IS NULL) EXECUTE FUNCTION take_callback_url();

-- Store one callback of a booking, in the transaction that moves it: there is no move without it, and none without a move.
-- The caller has the booking's row locked, so numbers have no gap, and the second waits for the first (`next_at` null)
-- until `callback_over` makes it due. Nothing of a person is in `data`, but for the key that the caller chose itself.
-- `about` is not sent: the sentence of the callback is made from it.
CREATE FUNCTION write_callback(booking appointments, kind text, told jsonb, about jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    before callbacks;
    asker api_keys;
BEGIN
    SELECT * INTO before FROM callbacks WHERE appointment_id = booking.id ORDER BY sequence DESC LIMIT 1;
    SELECT * INTO asker FROM api_keys WHERE id = booking.api_key_id;
    IF (CASE
        WHEN asker.callback_url = booking.callback_url THEN asker.callback_off_at IS NOT NULL
        ELSE before.given_up_at IS NOT NULL AND before.trouble = '410'  -- it is the booking's own
    END) THEN  -- the address has answered 410
        RETURN;
    END IF;
    INSERT INTO callbacks (appointment_id, sequence, api_key_id, type, url, host, next_at, about, data)
    VALUES (
        booking.id, coalesce(before.sequence, 0) + 1, booking.api_key_id, kind, booking.callback_url,
        -- Never null: what a key has as its address must not stop the move of a booking.
        coalesce(lower(substring(booking.callback_url FROM '^[A-Za-z]+://([^/?#]+)')), ''),
        CASE WHEN NOT EXISTS (
            SELECT FROM callbacks
            WHERE appointment_id = booking.id AND delivered_at IS NULL AND given_up_at IS NULL
        ) THEN now() END,
        jsonb_build_object('error_type', booking.error_type, 'hold_reason', booking.hold_reason) || about,
        jsonb_build_object(
            'id', booking.id,
            'key', CASE WHEN NOT booking.key_derived
                THEN regexp_replace(booking.idempotency_key, '^api[0-9]+:', '') END,
            'status', booking.status,
            'start', to_char(
                timezone('UTC', coalesce(booking.booked_start_at, booking.start_at)), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
            ),
            'needs_host', booking.status = 'confirmed' AND coalesce(booking.awaits_host, false)
        ) || told
    );
END
$$;

-- What a booking's move tells its caller. `corrects`: the last callback, if it was not true: the booking was ended here, and
-- lives at Cal.com.
CREATE FUNCTION tell_of_booking() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    kind text;
    last text;
BEGIN
    IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
        kind := CASE
            WHEN NEW.status = 'confirmed' AND NEW.awaits_host THEN 'booking.requested'
            WHEN NEW.status IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled') THEN 'booking.' || NEW.status
        END;
    ELSIF NEW.status = 'confirmed' THEN
        kind := CASE
            WHEN coalesce(NEW.booked_start_at, NEW.start_at) <> coalesce(OLD.booked_start_at, OLD.start_at)
                THEN 'booking.rescheduled'
            WHEN OLD.awaits_host AND NEW.awaits_host = false THEN 'booking.confirmed'
        END;
    ELSIF NEW.status = 'held' AND NEW.resilience_strategy = 'graceful_degradation'
        AND OLD.resilience_strategy IS DISTINCT FROM NEW.resilience_strategy
    THEN
        kind := 'booking.degraded';
    END IF;
    IF kind IS NULL THEN
        RETURN NULL;
    END IF;
    IF NEW.status = 'confirmed' THEN
        SELECT type INTO last FROM callbacks
        WHERE appointment_id = NEW.id AND starts_with(type, 'booking.') AND type <> 'booking.degraded'
        ORDER BY sequence DESC LIMIT 1;
    END IF;
    PERFORM write_callback(NEW, kind, jsonb_build_object(
        'corrects', CASE WHEN last IN ('booking.rejected', 'booking.failed', 'booking.expired') THEN last END
    ), '{}');
    RETURN NULL;
END
$$;
-- By their WHEN they cost a booking without a callback nothing.
CREATE TRIGGER appointments_tell AFTER UPDATE ON appointments
FOR EACH ROW WHEN (NEW.callback_url IS NOT NULL) EXECUTE FUNCTION tell_of_booking();
CREATE TRIGGER appointments_tell_inserted AFTER INSERT ON appointments
FOR EACH ROW WHEN (NEW.callback_url IS NOT NULL) EXECUTE FUNCTION tell_of_booking();

-- A cancel or a move that is over and not done: its caller was told that it is noted. What is done shows in the booking.
-- At the commit, when the booking has what the same transaction writes into it after the change: it may have ended there.
-- Each statement that ends a change has locked its booking before, so this waits for nobody.
CREATE FUNCTION tell_of_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    booking appointments;
BEGIN
    SELECT * INTO booking FROM appointments WHERE id = NEW.appointment_id;
    IF booking.callback_url IS NOT NULL THEN
        PERFORM write_callback(booking, 'change.' || NEW.status, jsonb_build_object('corrects', NULL, 'change',
            jsonb_build_object('id', NEW.id, 'kind', NEW.kind, 'status', NEW.status, 'scope', NEW.scope)
        ), jsonb_build_object('may_have_moved', NEW.may_have_moved, 'error_type', NEW.error_type, 'wanted', NEW.start_at));
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER booking_changes_tell AFTER UPDATE ON booking_changes
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.status IN ('refused', 'failed', 'expired') AND NEW.status <> OLD.status)
EXECUTE FUNCTION tell_of_change();

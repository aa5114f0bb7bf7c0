-- What a change that opens or ends writes into its booking, and a booking that is asked for again into its changes.

-- If the same booking is asked for again, it is wanted: its cancel is withdrawn, unless it was sent; not its move, and
-- not the cancel of some weeks.
-- One that was sent cannot be taken back: then the row says what it said, and so does the receipt.
-- With the rights of the owner: a caller need not know this table.
CREATE FUNCTION withdraw_changes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    WITH unsent AS (
        UPDATE booking_changes
        SET status = 'withdrawn', hold_reason = NULL, held_at = NULL, hold_until = NULL, held_for = NULL,
            next_attempt_at = NULL, updated_at = now()
        WHERE appointment_id = NEW.id AND kind = 'cancel' AND scope IS NULL AND posts = 0 AND NOT outcome_unknown
            AND status IN ('waiting', 'pending', 'retrying', 'held')
        RETURNING id, kind
    )
    INSERT INTO appointment_events (appointment_id, kind, by, detail)
    SELECT NEW.id, 'change_withdrawn', 'caller',
        jsonb_build_object('change', id, 'what', kind, 'why', 'asked for again')
    FROM unsent;
    NEW.cancel_requested := EXISTS (
        SELECT FROM booking_changes
        WHERE appointment_id = NEW.id AND kind = 'cancel' AND scope IS NULL AND status IN ('pending', 'changing', 'retrying', 'held')
    );
    RETURN NEW;
END
$$;
CREATE TRIGGER appointments_wanted_again BEFORE UPDATE OF cancel_requested ON appointments
FOR EACH ROW WHEN (OLD.cancel_requested AND NOT NEW.cancel_requested AND NEW.status = OLD.status)
EXECUTE FUNCTION withdraw_changes();

-- What is open of a booking is what its changes say: whatever opens or ends one writes it here, in the same statement.
-- Workers of before say of a move, too, that a cancel is requested: so it stays until that move is over.
-- With the rights of the owner, as withdraw_changes(). Who opens or ends a change has locked its booking before.
CREATE FUNCTION say_what_is_open() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE appointments AS booking
    SET cancel_requested = is_cancelled OR booking.cancel_requested AND is_moved AND NEW.kind = 'reschedule',
        move_requested = is_moved
    FROM (
        SELECT
            coalesce(bool_or(kind = 'cancel' AND scope IS NULL), false) AS is_cancelled,
            coalesce(bool_or(kind = 'reschedule'), false) AS is_moved
        FROM booking_changes
        WHERE appointment_id = NEW.appointment_id AND status IN ('waiting', 'pending', 'changing', 'retrying', 'held')
    ) AS opened
    -- A move that is over waits no more, also where its booking has ended: an operator may send that booking again.
    WHERE booking.id = NEW.appointment_id
        AND (booking.status IN ('pending', 'booking', 'retrying', 'held', 'confirmed') OR NEW.kind = 'reschedule')
        AND (cancel_requested, move_requested) IS DISTINCT FROM
            (is_cancelled OR booking.cancel_requested AND is_moved AND NEW.kind = 'reschedule', is_moved);
    -- A move that came to nothing: nobody is answered with this booking for its start any more.
    DELETE FROM moved_starts AS moved
    WHERE moved.appointment_id = NEW.appointment_id AND moved.start_at = NEW.start_at AND NEW.kind = 'reschedule'
        AND NEW.status IN ('refused', 'failed', 'expired', 'withdrawn') AND NOT NEW.may_have_moved
        AND NOT EXISTS (
            SELECT FROM booking_changes AS other
            WHERE other.appointment_id = NEW.appointment_id AND other.kind = 'reschedule'
                AND other.start_at = NEW.start_at AND other.status NOT IN ('refused', 'failed', 'expired', 'withdrawn')
        )
        AND NOT EXISTS (
            SELECT FROM appointments AS booking
            WHERE booking.id = NEW.appointment_id AND NEW.start_at IN (booking.start_at, booking.booked_start_at)
        );
    RETURN NULL;
END
$$;
CREATE TRIGGER booking_changes_asked AFTER INSERT ON booking_changes
FOR EACH ROW WHEN (NEW.status IN ('waiting', 'pending', 'changing', 'retrying', 'held'))
EXECUTE FUNCTION say_what_is_open();
-- Not where withdraw_changes() ends one: that is at work on the booking's row, and writes it itself.
CREATE TRIGGER booking_changes_over AFTER UPDATE OF status ON booking_changes
FOR EACH ROW WHEN (
    pg_trigger_depth() = 0
    AND (OLD.status IN ('waiting', 'pending', 'changing', 'retrying', 'held'))
        <> (NEW.status IN ('waiting', 'pending', 'changing', 'retrying', 'held'))
)
EXECUTE FUNCTION say_what_is_open();

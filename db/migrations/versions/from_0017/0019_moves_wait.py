"""What waits of a booking, a cancel or a move, is a fact of its own; and it answers for each start of its moves."""

import sqlalchemy as sa
from alembic import op

revision = "0019_moves_wait"
down_revision = "0018_front_door"

LOCKED = ("appointments", "booking_changes")
_STATEMENTS = """
ALTER TABLE appointments ADD COLUMN move_requested boolean DEFAULT false NOT NULL;
UPDATE appointments SET move_requested = true
WHERE id IN (
    SELECT appointment_id FROM booking_changes
    WHERE kind = 'reschedule' AND status IN ('waiting', 'pending', 'changing', 'retrying', 'held')
);

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

-- A client reads them when it keeps a request; who gets this right, and how a later role does: as in 0012_wishes.
DO $$
DECLARE
    client oid;
BEGIN
    FOR client IN
        SELECT granted.grantee
        FROM pg_class AS own, aclexplode(own.relacl) AS granted
        WHERE own.oid = CAST('appointments' AS regclass) AND granted.grantee <> 0
            AND granted.grantee <> own.relowner AND granted.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
        GROUP BY granted.grantee
        HAVING count(DISTINCT granted.privilege_type) = 3
    LOOP
        EXECUTE 'GRANT SELECT ON moved_starts TO ' || CAST(client AS regrole);
    END LOOP;
END
$$;

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

-- "Requested" by a move or a cancel that is over: nobody wants these bookings cancelled.
UPDATE appointments AS booking SET cancel_requested = false
WHERE cancel_requested AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
    AND EXISTS (SELECT FROM booking_changes WHERE appointment_id = booking.id)
    AND NOT EXISTS (
        SELECT FROM booking_changes
        WHERE appointment_id = booking.id AND status IN ('waiting', 'pending', 'changing', 'retrying', 'held')
    );
"""
_DOWN = """
DROP TRIGGER booking_changes_over ON booking_changes;
DROP TRIGGER booking_changes_asked ON booking_changes;
DROP FUNCTION say_what_is_open();
DROP TABLE moved_starts;
-- As the code of before has it: a move that waits for an open outcome stands against further POSTs as a cancel does.
UPDATE appointments SET cancel_requested = true
WHERE move_requested AND NOT cancel_requested AND status IN ('pending', 'booking', 'retrying', 'held');
ALTER TABLE appointments DROP COLUMN move_requested;
"""
# Who asks again for a booking takes back its cancel: not its move, and not the cancel of some weeks.
_TAKEN_BACK = (
    "posts = 0 AND NOT outcome_unknown",
    "kind = 'cancel' AND scope IS NULL AND posts = 0 AND NOT outcome_unknown",
)


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_STATEMENTS)
    _define_withdrawal(*_TAKEN_BACK)


def downgrade() -> None:
    before, after = _TAKEN_BACK
    _define_withdrawal(after, before)
    op.get_bind().exec_driver_sql(_DOWN)


def _define_withdrawal(before: str, after: str) -> None:
    """Define withdraw_changes() again, with one condition changed."""
    conn = op.get_bind()
    now = sa.text("SELECT pg_get_functiondef(CAST('withdraw_changes()' AS regprocedure))")
    text: str = conn.execute(now).scalar_one()
    if before not in text:
        raise ValueError("withdraw_changes() is not what the migrations before have made")
    conn.exec_driver_sql(text.replace(before, after))

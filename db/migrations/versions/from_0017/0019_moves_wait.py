"""That a cancel of a booking is open, and that a move is: two facts of its row, each true as long as that is so."""

import sqlalchemy as sa
from alembic import op

revision = "0019_moves_wait"
down_revision = "0018_front_door"

_STATEMENTS = """
ALTER TABLE appointments ADD COLUMN move_requested boolean DEFAULT false NOT NULL;
UPDATE appointments SET move_requested = true
WHERE id IN (
    SELECT appointment_id FROM booking_changes
    WHERE kind = 'reschedule' AND status IN ('waiting', 'pending', 'changing', 'retrying', 'held')
);

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
    WHERE booking.id = NEW.appointment_id AND booking.status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')
        AND (cancel_requested, move_requested) IS DISTINCT FROM
            (is_cancelled OR booking.cancel_requested AND is_moved AND NEW.kind = 'reschedule', is_moved);
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

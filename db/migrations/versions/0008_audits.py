"""Audits at night, and what Cal.com has of requests that a restored database has forgotten."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0008_audits"
down_revision = "0007_overview"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "nightly_audits",
        sa.Column("night", sa.Date, primary_key=True),
        sa.Column("token", sa.Uuid),
        sa.Column("lease_expires_at", _MOMENT),
        sa.Column("next_at", _MOMENT),
        sa.Column("halts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("asked", ARRAY(sa.BigInteger), nullable=False, server_default=sa.text("'{}'::bigint[]")),
        sa.Column("findings", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("begun_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("ended_at", _MOMENT),
        sa.Column("unfinished", sa.Text),
    )
    op.create_table(
        "restored_bookings",
        sa.Column("reference", sa.Uuid, primary_key=True),
        sa.Column("event_type_id", sa.BigInteger),
        sa.Column("event_type_slug", sa.Text),
        sa.Column("start_at", _MOMENT, nullable=False),
        sa.Column("attendee", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("absent_from", _MOMENT, nullable=False),
    )
    op.create_index("restored_bookings_start", "restored_bookings", ["start_at", "attendee"])
    op.execute(_TAKE)
    op.execute(_TAKE_AT_INSERT)
    op.execute(_TRIGGER)
    op.execute("ALTER TABLE appointments DISABLE TRIGGER appointments_take_restored")


def downgrade() -> None:
    op.execute("DROP TRIGGER appointments_take_restored ON appointments")
    op.execute("DROP FUNCTION take_restored_booking()")
    op.execute("DROP FUNCTION take_restored_booking(bigint)")
    op.drop_table("restored_bookings")
    op.drop_table("nightly_audits")


# A request that is asked for again after a restore: Cal.com has its booking, under the reference of the row that was
# lost. The new row takes that reference, and its outcome is unknown, so that it is looked for and found; as far back as
# it was made, and not only as far as it was asked for again (`created_at`).
# One attendee, one event type, one instant, as the derived key has it; each booking is taken once (SKIP LOCKED).
_TAKE = r"""
CREATE FUNCTION take_restored_booking(wanted bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    taken restored_bookings;
BEGIN
    DELETE FROM restored_bookings WHERE reference = (
        SELECT found.reference
        FROM restored_bookings AS found
        JOIN appointments AS asked ON asked.id = wanted
        WHERE found.start_at = date_trunc('milliseconds', asked.start_at)
          AND found.attendee = coalesce(
              asked.attendee_email, regexp_replace(asked.attendee_phone, '\D', '', 'g') || '@sms.cal.com'
          )
          AND (
              found.event_type_id = asked.event_type_id
              OR asked.event_type_id IS NULL AND found.event_type_slug = asked.event_type_slug
              OR found.event_type_id IS NULL AND found.event_type_slug IS NULL
          )
        ORDER BY found.reference
        LIMIT 1
        FOR UPDATE OF found SKIP LOCKED
    ) RETURNING * INTO taken;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE appointments
    SET uuid = taken.reference,
        outcome_unknown = true,
        created_at = least(created_at, taken.created_at),
        sent_at = least(requested_at, taken.created_at),
        settle_at = taken.absent_from,
        ends_at = taken.absent_from,
        askable_since = now(),
        updated_at = now()
    WHERE id = wanted;
    INSERT INTO appointment_events (appointment_id, kind, by, detail) VALUES (
        wanted, 'restored', 'operator',
        '{"why": "Cal.com has a booking of it from before the database was restored: look for it first"}'
    );
    RETURN true;
END
$$
"""
# After the insert, not before it: a request whose key is known writes no row, and must take nothing.
_TAKE_AT_INSERT = """
CREATE FUNCTION take_restored_booking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM take_restored_booking(NEW.id);
    RETURN NULL;
END
$$
"""
_TRIGGER = """
CREATE TRIGGER appointments_take_restored AFTER INSERT ON appointments
FOR EACH ROW EXECUTE FUNCTION take_restored_booking()
"""

"""Bookings, their story, and what a key was seen to list."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001_appointments"
down_revision = None

_MOMENT = sa.DateTime(timezone=True)
_EMPTY_OBJECT = sa.text("'{}'::jsonb")


def upgrade() -> None:
    op.create_table("appointments", *_identity(), *_request(), *_progress(), *_checks())
    _indexes()
    op.create_table(
        "appointment_events",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("appointment_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("detail", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointments.id"], name="appointment_events_appointment_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("appointment_events_story", "appointment_events", ["appointment_id", "id"])
    op.create_table(
        "calcom_visibility",
        sa.Column("key_fingerprint", sa.Text, primary_key=True),
        sa.Column("event_type", sa.Text, primary_key=True),
        sa.Column("seen_at", _MOMENT, nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    op.drop_table("calcom_visibility")
    op.drop_table("appointment_events")
    op.drop_table("appointments")


def _identity() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("uuid", sa.Uuid, nullable=False, server_default=sa.func.gen_random_uuid()),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("key_derived", sa.Boolean, nullable=False),
        sa.Column("payload_hash", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="pending"),
    ]


def _request() -> list[sa.Column[Any]]:
    return [
        sa.Column("event_type_id", sa.BigInteger),
        sa.Column("event_type_slug", sa.Text),
        sa.Column("username", sa.Text),
        sa.Column("team_slug", sa.Text),
        sa.Column("organization_slug", sa.Text),
        sa.Column("start_at", _MOMENT, nullable=False),
        sa.Column("end_at", _MOMENT),
        sa.Column("length_in_minutes", sa.Integer),
        sa.Column("attendee_name", sa.Text, nullable=False),
        sa.Column("attendee_email", sa.Text),
        sa.Column("attendee_phone", sa.Text),
        sa.Column("attendee_time_zone", sa.Text, nullable=False),
        sa.Column("attendee_language", sa.Text),
        sa.Column("guests", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")),
        sa.Column("location", JSONB),
        sa.Column("booking_fields_responses", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
        sa.Column("request_metadata", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    ]


def _progress() -> list[sa.Column[Any]]:
    return [
        sa.Column("claim_token", sa.Uuid),
        sa.Column("lease_expires_at", _MOMENT),
        sa.Column("leases_lost", sa.Integer, nullable=False, server_default="0"),
        sa.Column("enqueued_at", _MOMENT),
        sa.Column("next_attempt_at", _MOMENT),
        sa.Column("resends", sa.Integer, nullable=False, server_default="0"),
        sa.Column("outcome_unknown", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("sent_at", _MOMENT),
        sa.Column("settle_at", _MOMENT),
        sa.Column("looks", sa.Integer, nullable=False, server_default="0"),
        sa.Column("posts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("probe_failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("refusal", JSONB),
        sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("hold_reason", sa.Text),
        sa.Column("held_at", _MOMENT),
        sa.Column("hold_until", _MOMENT),
        sa.Column("held_for", sa.Text),
        sa.Column("calcom_booking_uid", sa.Text),
        sa.Column("calcom_seat_uid", sa.Text),
        sa.Column("error_type", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.Column("requested_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", _MOMENT, nullable=False, server_default=sa.func.now()),
    ]


def _checks() -> list[sa.CheckConstraint]:
    rules = {
        "appointments_status_known": "status IN ('pending', 'booking', 'retrying', 'held',"
        " 'confirmed', 'rejected', 'failed', 'expired', 'cancelled')",
        "appointments_hold_reason_known": "hold_reason IN ('breaker_open', 'throttled', 'unreachable', 'settling',"
        " 'blind_key', 'credentials', 'configuration', 'suspect')",
        "appointments_confirmed_has_booking_uid": "status <> 'confirmed' OR calcom_booking_uid IS NOT NULL",
        "appointments_held_has_reason": "CASE WHEN status = 'held' THEN hold_reason IS NOT NULL AND held_at IS NOT NULL"
        " ELSE num_nonnulls(hold_reason, held_at, hold_until, held_for) = 0 END",
        "appointments_booking_has_lease": "num_nonnulls(claim_token, lease_expires_at)"
        " = CASE WHEN status = 'booking' THEN 2 ELSE 0 END",
        "appointments_settling_has_end": "hold_reason <> 'settling' OR num_nonnulls(settle_at, hold_until) = 2",
        "appointments_unknown_has_settle_at": "NOT outcome_unknown OR num_nonnulls(sent_at, settle_at) = 2",
        # Only a settled look may end a booking whose outcome is unknown.
        "appointments_final_is_known": "NOT outcome_unknown"
        " OR status NOT IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')",
        "appointments_counts_not_negative": "least(leases_lost, resends, looks, posts, probe_failures) >= 0",
        "appointments_ends_after_start": "end_at > start_at",
        "appointments_length_positive": "length_in_minutes > 0",
        "appointments_event_type_named": "event_type_id IS NOT NULL"
        " OR event_type_slug IS NOT NULL AND num_nonnulls(username, team_slug) > 0",
        "appointments_attendee_reachable": "num_nonnulls(attendee_email, attendee_phone) > 0",
    }
    return [sa.CheckConstraint(rule, name=name) for name, rule in rules.items()]


def _indexes() -> None:
    _index("appointments_uuid_key", "uuid", unique=True)
    _index("appointments_task_id_key", "task_id", unique=True)
    # A given key is for ever; a derived one only while its booking lives or is confirmed.
    _index("appointments_given_key", "idempotency_key", unique=True, where="NOT key_derived")
    _index(
        "appointments_derived_key",
        "idempotency_key",
        unique=True,
        where="key_derived AND status IN ('pending', 'booking', 'retrying', 'held', 'confirmed')",
    )
    _index("appointments_release", "hold_reason", "requested_at", "id", where="status = 'held'")
    _index("appointments_due", "hold_until", where="status = 'held'")
    _index("appointments_held_for", "hold_reason", "held_for", where="status = 'held'")
    _index("appointments_lease", "lease_expires_at", where="status = 'booking'")
    _index("appointments_unsent", "enqueued_at", where="status IN ('pending', 'retrying')")
    # The newest message that was certainly delivered: evidence that older ones are gone.
    _index(
        "appointments_delivered",
        "enqueued_at",
        where="enqueued_at IS NOT NULL AND resends = 0 AND status NOT IN ('pending', 'retrying')",
    )
    _index(
        "appointments_expirable",
        "start_at",
        where="status IN ('pending', 'held', 'retrying') AND NOT outcome_unknown",
    )


def _index(name: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    op.create_index(
        name, "appointments", list(columns), unique=unique, postgresql_where=None if where is None else sa.text(where)
    )

"""The tables of the record: a booking and its events.

What Cal.com answered about event types stands in `db.models.calcom`, what the resilience patterns keep in
`db.models.resilience`. Rows are read into frozen dataclasses and moved by `db.appointments`; the tables are
SQLAlchemy's Core's, for a caller would wait for the import of its ORM; a test holds them to the migrations.
"""

from enum import StrEnum
from functools import partial
from typing import TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from db.lifecycle import HoldReason, Status, Strategy
from db.models.indexes import indexes

E = TypeVar("E", bound=StrEnum)


class EnumText(TypeDecorator[E]):
    """Keep a StrEnum as text; a CHECK, not a PostgreSQL enum, closes the set (an enum cannot lose a value again)."""

    impl = Text
    cache_ok = True

    def __init__(self, enum: type[E]) -> None:
        super().__init__()
        self.enum = enum

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:  # noqa: ARG002 - its signature
        """Return the member of the enum that was stored."""
        return None if value is None else self.enum(value)


metadata = MetaData()  # that migrations are compared with
JSON = JSONB(none_as_null=True)
MOMENT = DateTime(timezone=True)
required = partial(Column, nullable=False)


def allowed_values(column: str, enum: type[StrEnum], name: str) -> CheckConstraint:
    """Return the CHECK that closes the set of texts that a column may hold; null passes."""
    listed = ", ".join(f"'{member.value}'" for member in enum)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


# A booking request and where it stands.
appointments = Table(
    "appointments",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("uuid", Uuid, server_default=func.gen_random_uuid()),  # the reference that Cal.com's metadata carries
    required("idempotency_key", Text),
    required("key_derived", Boolean),
    # sha-256 of the normalised request: the same given key with another payload is a conflict
    required("payload_hash", Text),
    required("correlation_id", Text),
    required("task_id", Text),
    required("status", EnumText(Status), server_default="pending"),
    Column("event_type_id", BigInteger),
    Column("event_type_slug", Text),
    Column("username", Text),
    Column("team_slug", Text),
    Column("organization_slug", Text),
    required("start_at", MOMENT),
    Column("end_at", MOMENT),
    Column("length_in_minutes", Integer),
    required("attendee_name", Text),
    Column("attendee_email", Text),
    Column("attendee_phone", Text),
    required("attendee_time_zone", Text),
    Column("attendee_language", Text),
    required("guests", JSON, server_default=text("'[]'::jsonb")),
    Column("location", JSON),
    required("booking_fields_responses", JSON, server_default=text("'{}'::jsonb")),
    required("request_metadata", JSON, server_default=text("'{}'::jsonb")),
    Column("claim_token", Uuid),
    Column("lease_expires_at", MOMENT),
    required("leases_lost", Integer, server_default="0"),  # in a row; any answer sets it back to 0
    # when the message that waits now was published; null: never, or it was used up
    Column("enqueued_at", MOMENT),
    Column("next_attempt_at", MOMENT),
    required("resends", Integer, server_default="0"),  # messages that the sweeper sent for it
    required("outcome_unknown", Boolean, server_default=false()),
    Column("sent_at", MOMENT),
    Column("settle_at", MOMENT),
    required("looks", Integer, server_default="0"),  # since the last unknown answer
    required("posts", Integer, server_default="0"),  # POSTs begun
    required("probe_failures", Integer, server_default="0"),
    Column("refusal", JSON),  # what the last POST was refused with, kept until a settled lookup
    required("cancel_requested", Boolean, server_default=false()),
    Column("hold_reason", EnumText(HoldReason)),
    Column("held_at", MOMENT),
    Column("hold_until", MOMENT),
    Column("held_for", Text),  # fingerprint of the key or settings that must change before this hold ends
    Column("calcom_booking_uid", Text),
    Column("calcom_seat_uid", Text),
    Column("error_type", Text),
    Column("last_error", Text),  # no secrets, no personal data
    required("requested_at", MOMENT, server_default=func.now()),  # order of release
    required("created_at", MOMENT, server_default=func.now()),
    required("updated_at", MOMENT, server_default=func.now()),
    required("retry_count", Integer, server_default="0"),
    Column("circuit_breaker_open_at_booking", MOMENT),  # when this booking first met an open breaker
    Column("resilience_strategy", EnumText(Strategy)),  # the strongest that applied
    Column("ends_at", MOMENT),  # from when absence may end it
    Column("askable_since", MOMENT),  # since when Cal.com could be asked about it without a break
    required("evidence_posts", Integer, server_default="0"),  # since the outcome became unknown
    Column("series_uid", Text),  # Cal.com's recurringBookingUid
    Column("series_weeks", Integer),  # counted alive there; null: not counted yet
    Column("series_of", Integer),  # as many as the event type makes
    required("line_at", MOMENT, server_default=func.now()),  # its place in the line
    Column("answer_by", MOMENT),  # the caller wants no booking after this moment
    # Cal.com calls it pending: its host has not accepted it, or it is not paid; null: not known
    Column("awaits_host", Boolean),
    Column("checked_at", MOMENT),  # when a caller who asked again last had Cal.com asked
    Column("booked_start_at", MOMENT),  # where it lives at Cal.com; null: at start_at
    allowed_values("status", Status, "appointments_status_known"),
    allowed_values("hold_reason", HoldReason, "appointments_hold_reason_known"),
    allowed_values("resilience_strategy", Strategy, "appointments_resilience_strategy_known"),
    CheckConstraint(
        "status <> 'confirmed' OR calcom_booking_uid IS NOT NULL", name="appointments_confirmed_has_booking_uid"
    ),
    CheckConstraint(
        "CASE WHEN status = 'held' THEN hold_reason IS NOT NULL AND held_at IS NOT NULL"
        " ELSE num_nonnulls(hold_reason, held_at, hold_until, held_for) = 0 END",
        name="appointments_held_has_reason",
    ),
    CheckConstraint(
        "num_nonnulls(claim_token, lease_expires_at) = CASE WHEN status = 'booking' THEN 2 ELSE 0 END",
        name="appointments_booking_has_lease",
    ),
    CheckConstraint(
        "hold_reason <> 'settling' OR num_nonnulls(settle_at, hold_until) = 2", name="appointments_settling_has_end"
    ),
    CheckConstraint(
        "NOT outcome_unknown OR num_nonnulls(sent_at, settle_at) = 2", name="appointments_unknown_has_settle_at"
    ),
    # Only a settled lookup may end a booking whose outcome is unknown.
    CheckConstraint(
        "NOT outcome_unknown OR status NOT IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')",
        name="appointments_final_is_known",
    ),
    CheckConstraint(
        "least(leases_lost, resends, looks, posts, probe_failures) >= 0", name="appointments_counts_not_negative"
    ),
    CheckConstraint("retry_count >= 0", name="appointments_retry_count_not_negative"),
    CheckConstraint("least(evidence_posts, series_weeks, series_of) >= 0", name="appointments_evidence_not_negative"),
    CheckConstraint("end_at > start_at", name="appointments_ends_after_start"),
    CheckConstraint("length_in_minutes > 0", name="appointments_length_positive"),
    CheckConstraint(
        "event_type_id IS NOT NULL OR event_type_slug IS NOT NULL AND num_nonnulls(username, team_slug) > 0",
        name="appointments_event_type_named",
    ),
    CheckConstraint("num_nonnulls(attendee_email, attendee_phone) > 0", name="appointments_attendee_reachable"),
    *indexes(),
)


# What happened to a booking, when, by whom and why: the timeline that `booking show` prints.
appointment_events = Table(
    "appointment_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required(
        "appointment_id",
        BigInteger,
        ForeignKey("appointments.id", name="appointment_events_appointment_id_fkey", ondelete="CASCADE"),
    ),
    required("kind", Text),
    required("by", Text),
    required("detail", JSON, server_default=text("'{}'::jsonb")),
    required("created_at", MOMENT, server_default=func.clock_timestamp()),
    Index("appointment_events_story", "appointment_id", "id"),
    # What operators must hear of (events.NOTABLE), and cancellations that an audit began: few of many lines.
    Index(
        "appointment_events_notable",
        "created_at",
        postgresql_where=text(
            "kind IN ('told_not_booked', 'series_cut', 'cancel_there', 'made_again', 'cancelling_double')"
        ),
    ),
)

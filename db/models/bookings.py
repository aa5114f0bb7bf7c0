"""The tables of the record: a booking and its events.

What Cal.com answered about event types stands in `db.models.calcom`, what the resilience patterns keep in
`db.models.resilience`. Rows are read into frozen dataclasses and moved by `db.appointments`; these classes exist for
the schema, and a test holds them to the migrations.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
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


class Base(DeclarativeBase):
    """Carry the metadata that migrations are compared with."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this very attribute
        datetime: DateTime(timezone=True),
        str: Text(),
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: JSONB(none_as_null=True),
        UUID: Uuid(),
        Status: EnumText(Status),
        HoldReason: EnumText(HoldReason),
        Strategy: EnumText(Strategy),
    }


def allowed_values(column: str, enum: type[StrEnum], name: str) -> CheckConstraint:
    """Return the CHECK that closes the set of texts that a column may hold; null passes."""
    listed = ", ".join(f"'{member.value}'" for member in enum)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


class Appointments(Base):
    """A booking request and where it stands."""

    __tablename__ = "appointments"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    uuid: Mapped[UUID] = mapped_column(
        server_default=func.gen_random_uuid()
    )  # the reference that Cal.com's metadata carries
    idempotency_key: Mapped[str]
    key_derived: Mapped[bool]
    payload_hash: Mapped[
        str
    ]  # sha-256 of the normalised request: the same given key with another payload is a conflict
    correlation_id: Mapped[str]
    task_id: Mapped[str]
    status: Mapped[Status] = mapped_column(server_default="pending")

    event_type_id: Mapped[int | None] = mapped_column(BigInteger)
    event_type_slug: Mapped[str | None]
    username: Mapped[str | None]
    team_slug: Mapped[str | None]
    organization_slug: Mapped[str | None]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime | None]
    length_in_minutes: Mapped[int | None] = mapped_column(Integer)
    attendee_name: Mapped[str]
    attendee_email: Mapped[str | None]
    attendee_phone: Mapped[str | None]
    attendee_time_zone: Mapped[str]
    attendee_language: Mapped[str | None]
    guests: Mapped[list[str]] = mapped_column(server_default=text("'[]'::jsonb"))
    location: Mapped[dict[str, Any] | None]
    booking_fields_responses: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    request_metadata: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))

    claim_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    leases_lost: Mapped[int] = mapped_column(Integer, server_default="0")  # in a row; any answer sets it back to 0
    enqueued_at: Mapped[
        datetime | None
    ]  # when the message that waits now was published; null: never, or it was used up
    next_attempt_at: Mapped[datetime | None]
    resends: Mapped[int] = mapped_column(Integer, server_default="0")  # messages that the sweeper sent for it

    outcome_unknown: Mapped[bool] = mapped_column(server_default=false())
    sent_at: Mapped[datetime | None]
    settle_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(Integer, server_default="0")  # since the last unknown answer
    posts: Mapped[int] = mapped_column(Integer, server_default="0")  # POSTs begun
    probe_failures: Mapped[int] = mapped_column(Integer, server_default="0")
    refusal: Mapped[dict[str, Any] | None]  # what the last POST was refused with, kept until a settled lookup
    cancel_requested: Mapped[bool] = mapped_column(server_default=false())

    hold_reason: Mapped[HoldReason | None]
    held_at: Mapped[datetime | None]
    hold_until: Mapped[datetime | None]
    held_for: Mapped[str | None]  # fingerprint of the key or settings that must change before this hold ends

    calcom_booking_uid: Mapped[str | None]
    calcom_seat_uid: Mapped[str | None]
    error_type: Mapped[str | None]
    last_error: Mapped[str | None]  # no secrets, no personal data
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())  # order of release
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    # 0002_resilience
    retry_count: Mapped[int] = mapped_column(Integer, server_default="0")
    circuit_breaker_open_at_booking: Mapped[datetime | None]  # when this booking first met an open breaker
    resilience_strategy: Mapped[Strategy | None]  # the strongest that applied

    # 0005_evidence
    ends_at: Mapped[datetime | None]  # from when absence may end it; null too in rows of workers that did not know it
    answered_at: Mapped[
        datetime | None
    ]  # Cal.com's own clock when its latest POST was answered; null: one may still be working
    askable_since: Mapped[datetime | None]  # since when Cal.com could be asked about it without a break
    evidence_posts: Mapped[int] = mapped_column(Integer, server_default="0")  # since the outcome became unknown
    series_uid: Mapped[str | None]  # Cal.com's recurringBookingUid
    series_weeks: Mapped[int | None] = mapped_column(Integer)  # counted alive there; null: not counted yet
    series_of: Mapped[int | None] = mapped_column(Integer)  # as many as the event type makes

    __table_args__ = (
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
        CheckConstraint(
            "least(evidence_posts, series_weeks, series_of) >= 0", name="appointments_evidence_not_negative"
        ),
        CheckConstraint("end_at > start_at", name="appointments_ends_after_start"),
        CheckConstraint("length_in_minutes > 0", name="appointments_length_positive"),
        CheckConstraint(
            "event_type_id IS NOT NULL OR event_type_slug IS NOT NULL AND num_nonnulls(username, team_slug) > 0",
            name="appointments_event_type_named",
        ),
        CheckConstraint("num_nonnulls(attendee_email, attendee_phone) > 0", name="appointments_attendee_reachable"),
        *indexes(),
    )


class AppointmentEvents(Base):
    """What happened to a booking, when, by whom and why: the timeline that `booking show` prints."""

    __tablename__ = "appointment_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    appointment_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("appointments.id", name="appointment_events_appointment_id_fkey", ondelete="CASCADE")
    )
    kind: Mapped[str]
    by: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
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

"""The tables of the record: a booking and its events.

What Cal.com answered about event types stands in `db.models.calcom`, what the resilience patterns keep in
`db.models.resilience`. Rows are read into frozen dataclasses and moved by `db.appointments`; the tables are
SQLAlchemy's Core's, for a caller would wait for the import of its ORM.

Statements are built from these columns; a test holds them to the migrations. Constraints and indexes
stand in the migrations alone (db/migrations/initial/), each with the reason for it.
"""

from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Identity,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    false,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, UserDefinedType

from booking_client.insertion import EVENT_TYPE
from booking_client.states import HELD_BY
from db.lifecycle import HoldReason, Status, Strategy

E = TypeVar("E", bound=StrEnum)


class EnumText(TypeDecorator[E]):
    """Store a StrEnum as text; a CHECK, not a PostgreSQL enum, closes the set (an enum cannot lose a value again)."""

    impl = Text
    cache_ok = True

    def __init__(self, enum: type[E]) -> None:
        super().__init__()
        self.enum = enum

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:  # noqa: ARG002 - its signature
        """Return the member of the enum that was stored."""
        return None if value is None else self.enum(value)


class Xid8(UserDefinedType[int]):
    """Keep a transaction's number, as PostgreSQL counts them; SQLAlchemy has no type of its own for it."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the type's name."""
        return "xid8"


metadata = MetaData()
JSON = JSONB(none_as_null=True)
MOMENT = DateTime(timezone=True)
required = partial(Column, nullable=False)


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
    # whether a cancel of the whole booking, and whether a move of it, is open: a trigger of booking_changes writes both
    required("cancel_requested", Boolean, server_default=false()),
    required("move_requested", Boolean, server_default=false()),
    Column("hold_reason", EnumText(HoldReason)),
    Column("held_at", MOMENT),
    Column("hold_until", MOMENT),
    # fingerprint of the key or settings that must change before this hold ends; or states.LINE
    Column("held_for", Text),
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
    Column("series_weeks", Integer),  # counted alive there, or cancelled on wish; null: not counted yet
    Column("series_of", Integer),  # as many as the event type makes
    required("line_at", MOMENT, server_default=func.now()),  # its place in the line
    Column("answer_by", MOMENT),  # the caller wants no booking after this moment
    # Cal.com calls it pending: its host has not accepted it, or it is not paid; null: not known
    Column("awaits_host", Boolean),
    Column("checked_at", MOMENT),  # when a caller who asked again last had Cal.com asked
    Column("booked_start_at", MOMENT),  # where it lives at Cal.com; null: at start_at
    required("account_id", Integer, server_default="1"),  # whose key books it; it never changes
    Column("api_key_id", BigInteger),  # which API key asked for it; null: none did
    # how many asked for its time before, and were not booked yet; 1, if that was found later
    required("ahead", Integer, server_default="0"),
    Column("callback_url", Text),  # where its callbacks go; null: nowhere
)


held_by = literal_column(HELD_BY, EnumText(HoldReason))
"""Why a booking is held, as it is shown: what is only behind others is in line."""

event_type = literal_column(EVENT_TYPE, Text)
"""The name of its event type."""


# What happened to a booking, when, by whom and why: the timeline that `booking show` prints.
appointment_events = Table(
    "appointment_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    required("appointment_id", BigInteger),
    required("kind", Text),
    required("by", Text),
    required("detail", JSON, server_default=text("'{}'::jsonb")),
    required("created_at", MOMENT, server_default=func.clock_timestamp()),
    Column("xid", Xid8, server_default=func.pg_current_xact_id()),  # null: written before the column was there
)

"""A booking as it was read: frozen, detached from any session."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy import RowMapping

from db.lifecycle import HoldReason, Status, Strategy


@dataclass(frozen=True, kw_only=True)
class RequestFields:
    """What was asked for. Personal data is left out of the repr, and so out of logs and tracebacks."""

    idempotency_key: str = field(repr=False)  # a caller may have put anything into it
    key_derived: bool
    payload_hash: str
    correlation_id: str
    task_id: str
    event_type_id: int | None = None
    event_type_slug: str | None = None
    username: str | None = None
    team_slug: str | None = None
    organization_slug: str | None = None
    start_at: datetime
    end_at: datetime | None = None
    length_in_minutes: int | None = None
    attendee_name: str = field(repr=False)
    attendee_email: str | None = field(repr=False, default=None)
    attendee_phone: str | None = field(repr=False, default=None)
    attendee_time_zone: str
    attendee_language: str | None = None
    guests: list[str] = field(repr=False, default_factory=list)
    location: dict[str, Any] | None = field(repr=False, default=None)
    booking_fields_responses: dict[str, Any] = field(repr=False, default_factory=dict)
    request_metadata: dict[str, Any] = field(repr=False, default_factory=dict)
    answer_by: datetime | None = None

    @property
    def event_type(self) -> str:
        """Name the event type as `calcom_event_types` does: its id, or "[organization/](team/)owner/slug".

        A user and a team may have the same name, and types of the same slug.
        """
        if self.event_type_id is not None:
            return str(self.event_type_id)
        organization = f"{self.organization_slug}/" if self.organization_slug else ""
        owner = f"team/{self.team_slug}" if self.team_slug else self.username
        return f"{organization}{owner}/{self.event_type_slug}"


@dataclass(frozen=True, kw_only=True)
class Appointment(RequestFields):
    """A row of `appointments`; instants are aware, in UTC."""

    id: int
    uuid: UUID
    status: Status
    claim_token: UUID | None
    lease_expires_at: datetime | None
    leases_lost: int
    enqueued_at: datetime | None
    next_attempt_at: datetime | None
    resends: int
    outcome_unknown: bool
    sent_at: datetime | None
    settle_at: datetime | None
    ends_at: datetime | None
    askable_since: datetime | None
    looks: int
    posts: int
    evidence_posts: int
    probe_failures: int
    refusal: dict[str, Any] | None
    cancel_requested: bool
    hold_reason: HoldReason | None
    held_at: datetime | None
    hold_until: datetime | None
    held_for: str | None
    calcom_booking_uid: str | None
    calcom_seat_uid: str | None
    series_uid: str | None
    series_weeks: int | None
    series_of: int | None
    error_type: str | None
    last_error: str | None
    requested_at: datetime
    created_at: datetime
    updated_at: datetime
    retry_count: int
    circuit_breaker_open_at_booking: datetime | None
    resilience_strategy: Strategy | None
    line_at: datetime
    awaits_host: bool | None
    checked_at: datetime | None
    booked_start_at: datetime | None

    def seconds_left(self, lead: float) -> float:
        """Return for how long it could be booked when it was written last; `lead` and the result are seconds."""
        ends_at = self.start_at - timedelta(seconds=lead)
        return (min(ends_at, self.answer_by or ends_at) - self.updated_at).total_seconds()

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Read a row; columns that a newer migration added are passed over, so old workers live through a deploy."""
        return cls.read([row[name] for name in COLUMNS])

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """Read a row whose columns are COLUMNS, in their order."""
        values = dict(zip(COLUMNS, row, strict=True))
        for name, enum in _ENUMS.items():
            if values[name] is not None:
                values[name] = enum(values[name])
        return cls(**values)


COLUMNS = tuple(column.name for column in fields(Appointment))
COLUMNS_SQL = ", ".join(COLUMNS)
_ENUMS = {"status": Status, "hold_reason": HoldReason, "resilience_strategy": Strategy}

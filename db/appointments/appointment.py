"""A booking as it was read: frozen, detached from any session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy import RowMapping

from booking_client.insertion import RequestFields, stored_key
from booking_client.request.idempotency import key_at
from booking_client.states import DEFAULT_ACCOUNT, LINE
from db.lifecycle import HoldReason, Status, Strategy


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
    account_id: int = DEFAULT_ACCOUNT
    move_requested: bool = False

    @property
    def is_unwanted_at_start(self) -> bool:
        """Return whether it is not to be posted at its start any more: its cancel, or a move of it, is open."""
        return self.cancel_requested or self.move_requested

    def derived_key_at(self, start: datetime) -> str | None:
        """Return the derived key of a request for it at a start; None: its own key is a given one."""
        slugs = [self.organization_slug, self.team_slug, self.username, self.event_type_slug]
        attendee = self.attendee_email or self.attendee_phone
        key = key_at(start.astimezone(UTC), self.event_type_id, slugs, attendee)
        return stored_key(key, self.api_key_id) if self.key_derived else None

    @property
    def present_start(self) -> datetime:
        """Return its start at Cal.com; before it is booked, and where nobody has moved it, the requested one."""
        return self.booked_start_at or self.start_at

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
        return cls(**read_columns(COLUMNS, _ENUMS, row))


def read_columns(names: Sequence[str], enums: Mapping[str, Any], row: Sequence[Any]) -> dict[str, Any]:
    """Return the columns of a booking or a change by name, with its states; one in a line is held for that."""
    values = dict(zip(names, row, strict=True))
    values |= {name: enum(values[name]) for name, enum in enums.items() if values[name] is not None}
    return values | {"hold_reason": HoldReason.IN_LINE} if values["held_for"] == LINE else values


COLUMNS = tuple(column.name for column in fields(Appointment))
COLUMNS_SQL = ", ".join(COLUMNS)
_ENUMS = {"status": Status, "hold_reason": HoldReason, "resilience_strategy": Strategy}

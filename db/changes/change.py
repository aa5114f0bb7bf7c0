"""A change as it was read: frozen, detached from any session."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from sqlalchemy import RowMapping

from db.appointments.appointment import read_columns
from db.lifecycle import OVER, ChangeStatus, HoldReason, Strategy
from db.models.changes import ChangeKind, SeriesScope


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """The weeks of a series that a cancel means: `week` is the start of the one, or of the first; never ALL."""

    scope: SeriesScope
    week: datetime

    @classmethod
    def of(cls, scope: str | None, week: datetime | None) -> Self | None:
        """Return the part of a series that is said; None: all of it.

        Raises:
            ValueError: `scope` is unknown, or the one is given without the other.
        """
        said = SeriesScope.ALL if scope is None else SeriesScope(scope)
        if (said is SeriesScope.ALL) is not (week is None):
            raise ValueError("a week goes with the scope following or one, and with no other")
        return None if week is None else cls(said, week)


@dataclass(frozen=True, kw_only=True)
class BookingChange:
    """A row of `booking_changes`; instants are aware, in UTC.

    It has what the decisions about a booking ask of a row; what only bookings have is None here.
    """

    id: int
    appointment_id: int
    account_id: int
    service: str
    kind: ChangeKind
    status: ChangeStatus
    start_at: datetime
    reason: str = field(repr=False)  # a customer's words
    asked_by: str
    via: str
    correlation_id: str
    task_id: str
    scope: SeriesScope | None
    week: datetime | None
    from_uid: str | None
    from_seat_uid: str | None
    to_uid: str | None
    to_seat_uid: str | None
    claim_token: UUID | None
    lease_expires_at: datetime | None
    leases_lost: int
    enqueued_at: datetime | None
    next_attempt_at: datetime | None
    outcome_unknown: bool
    settle_at: datetime | None
    ends_at: datetime | None
    looks: int
    posts: int
    retry_count: int
    probe_failures: int
    may_have_moved: bool
    refusal: str | None
    weeks_named: list[str]
    hold_reason: HoldReason | None
    held_at: datetime | None
    hold_until: datetime | None
    held_for: str | None
    error_type: str | None
    last_error: str | None
    resilience_strategy: Strategy | None
    late_look_at: datetime | None
    line_at: datetime
    requested_at: datetime
    updated_at: datetime
    waits_for: HoldReason | None = None  # if it is in line: why those before it are held

    @property
    def wanted(self) -> datetime | None:
        """Return the wanted start; None: it is a cancel."""
        return self.start_at if self.kind is ChangeKind.RESCHEDULE else None

    @property
    def part(self) -> SeriesPart | None:
        """Return the weeks of a series that it means; None: its whole booking."""
        return None if self.scope is None or self.week is None else SeriesPart(self.scope, self.week)

    @property
    def ends_booking(self) -> bool:
        """Return whether it is the cancel of its whole booking."""
        return self.kind is ChangeKind.CANCEL and self.scope is None

    @property
    def over(self) -> bool:
        """Return whether nothing of it is sent any more."""
        return self.status in OVER

    @property
    def has_moved_nothing(self) -> bool:
        """Return whether a lookup has shown the booking at the wanted start already, under the uid that it had."""
        return self.to_uid is not None and (self.to_uid, self.to_seat_uid) == (self.from_uid, self.from_seat_uid)

    @property
    def is_unsent(self) -> bool:
        """Return whether it is open, and nothing of it was ever sent: it can be withdrawn."""
        return not (self.over or self.status is ChangeStatus.CHANGING or self.posts or self.outcome_unknown)

    def seconds_left(self, lead: float) -> float:
        """Return for how long it could be sent when it was written last; `lead` and the result are seconds."""
        return (self.start_at - timedelta(seconds=lead) - self.updated_at).total_seconds()

    @property
    def event_type_id(self) -> None:
        """Return None: its booking has an event type."""

    @property
    def circuit_breaker_open_at_booking(self) -> datetime | None:
        """Return None: only bookings are counted by the pattern that helped them."""
        return None

    @property
    def sent_at(self) -> datetime | None:
        """Return None: `settle_at` and `ends_at` say all of its POSTs."""
        return None

    @property
    def askable_since(self) -> datetime | None:
        """Return None: anybody may ask for it by its uid."""
        return None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Read a row; columns that a newer migration added are passed over."""
        return cls.read([row[name] for name in COLUMNS])

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """Read a row whose columns are COLUMNS, in their order."""
        raw = row[COLUMNS.index("hold_reason")]
        return cls(**read_columns(COLUMNS, _ENUMS, row), waits_for=None if raw is None else HoldReason(raw))


COLUMNS = tuple(column.name for column in fields(BookingChange) if column.name != "waits_for")
COLUMNS_SQL = ", ".join(COLUMNS)
_ENUMS = {
    "resilience_strategy": Strategy,
    "kind": ChangeKind,
    "status": ChangeStatus,
    "scope": SeriesScope,
    "hold_reason": HoldReason,
}

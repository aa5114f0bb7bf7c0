"""The answers to a caller: a receipt for each request, and the state of a booking and of its changes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from booking_client.database.statements import read
from booking_client.insertion import Inserted, NotFirst
from booking_client.states import CHANGE_WORDS, FINAL, OVER, ChangeKind, ChangeStatus, HoldReason, Status, held_by


@dataclass(frozen=True, slots=True)
class Receipt:
    """Hold the result of a request: it was stored as a new row, or it was known already (`duplicate`).

    `start` is the present start, also if the booking was moved at Cal.com. `awaits_host`: Cal.com has the booking,
    and its host must confirm it, or its payment is open (None: not known, or not booked). `hold_reason` is why the
    booking is held, if it is: docs/degradation.md has the words for a caller on the phone. `waits_for` is the same, but
    of one that is `in_line` it is what those before it wait for. `as_of` is when a known
    booking was last known to be confirmed (None: Cal.com was asked just now). `requested_at` is when the request was
    stored. `reference` is the booking's id that counts nothing: it is also what Cal.com's metadata carries. `ahead` is
    how many asked for that time before and may still get it, where its event type takes one booking for a time.
    """

    appointment_id: int
    task_id: str
    status: Status
    duplicate: bool
    correlation_id: str
    start: datetime
    hold_reason: HoldReason | None = None
    as_of: datetime | None = None
    awaits_host: bool | None = None
    requested_at: datetime | None = None
    reference: str | None = None
    ahead: int = 0
    waits_for: HoldReason | None = None

    @classmethod
    def of(cls, one: Inserted) -> Self:
        """Return the receipt of a request that is kept, or known."""
        row = one.appointment
        return cls(
            row.id,
            row.task_id,
            row.status,
            duplicate=not one.created,
            correlation_id=row.correlation_id,
            start=row.booked_start_at or row.start_at,
            hold_reason=row.hold_reason,
            as_of=row.updated_at if row.status is Status.CONFIRMED else None,
            awaits_host=row.awaits_host,
            requested_at=row.requested_at,
            reference=row.reference,
            ahead=row.ahead,
            waits_for=row.waits_for,
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """Hold which booking already has the given idempotency key, for another request; nothing was written."""

    appointment_id: int
    idempotency_key: str


class IdempotencyConflict(ValueError):  # noqa: N818 - a conflict is what it is called
    """Report that an idempotency key was used before, for another request."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(
            f"idempotency_key {conflict.idempotency_key!r} already stands for another request "
            f"(appointment {conflict.appointment_id}); use a new key, or send the same request"
        )
        self.conflict = conflict


class NotFirstError(ValueError):
    """Report that a request is wanted only as the first for its time, and `ahead` asked before; nothing was stored."""

    def __init__(self, not_first: NotFirst) -> None:
        super().__init__(f"{not_first.ahead} asked for that time before, and may still get it; nothing was stored")
        self.ahead = not_first.ahead


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """Hold the state of a wish to cancel or to move a booking; `final`: it will not change any more.

    `start` is the wanted start (None: a cancel), `change_key` the key that came with the wish. `sentence` says how it
    stands, and of the cancel of some weeks of a series, which ends no booking that has others, which weeks these are.
    """

    kind: ChangeKind
    status: ChangeStatus
    final: bool
    start: datetime | None
    change_key: str | None
    asked_at: datetime
    hold_reason: HoldReason | None
    last_error: str | None
    sentence: str

    @classmethod
    def of(
        cls,
        status: ChangeStatus,
        *,
        start: datetime | None,
        change_key: str | None,
        asked_at: datetime,
        hold_reason: HoldReason | None = None,
        last_error: str | None = None,
        words: str | None = None,
        what: str | None = None,
    ) -> Self:
        """Return the state of a change in its words; `words`: what is true besides its status.

        `what` is wished, where `start` does not say it.
        """
        what = what or ("cancel" if start is None else f"move to {_clock(start)}")
        state = words or f"{CHANGE_WORDS[status]}{f' ({hold_reason})' if hold_reason else ''}"
        return cls(
            kind=ChangeKind.CANCEL if start is None else ChangeKind.RESCHEDULE,
            status=status,
            final=status in OVER,
            start=start,
            change_key=change_key,
            asked_at=asked_at,
            hold_reason=hold_reason,
            last_error=last_error,
            sentence=f"Its {what} {state}{f': {last_error}' if last_error else ''}.",
        )

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """Read an element of sql/changes.sql."""
        unknown = row["outcome_unknown"]
        status, start, week = ChangeStatus(row["status"]), row["start_at"], row["week"]
        return cls.of(
            status,
            start=datetime.fromisoformat(start).astimezone(UTC) if start else None,
            change_key=row["idempotency_key"],
            asked_at=datetime.fromisoformat(row["requested_at"]).astimezone(UTC),
            hold_reason=held_by(row["hold_reason"], row["held_for"]),
            last_error=row["last_error"],
            words=UNREAD if unknown is None else UNKNOWN if unknown else None,
            what=_weeks(datetime.fromisoformat(week), row["scope"]) if week else None,
        )


def _weeks(week: datetime, scope: str) -> str:
    return f"cancel of the week of {_clock(week)}{' and all that follow' if scope == 'following' else ''}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


UNREAD = "is stored, and is read next"
UNKNOWN = "may be done; that is looked up first"
"""What is true of a change besides its status: no worker has read it; or an answer of Cal.com was lost."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold the state of a booking; `final`: it will not change any more, but by a change of it.

    `start` and `awaits_host` as in a Receipt. `changes` are the wishes to cancel or to move it, the newest last.
    """

    appointment_id: int
    status: Status
    final: bool
    calcom_booking_uid: str | None
    hold_reason: HoldReason | None
    last_error: str | None
    start: datetime
    awaits_host: bool | None
    changes: tuple[ChangeOutcome, ...] = ()

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """Read a row of `outcome_columns`."""
        number, status, uid, reason, held_for, error, start, booked_start, awaits_host, changes = row
        return cls(
            appointment_id=number,
            status=Status(status),
            final=Status(status) in FINAL,
            calcom_booking_uid=uid,
            hold_reason=held_by(reason, held_for),
            last_error=error,
            start=booked_start or start,
            awaits_host=awaits_host,
            changes=tuple(map(ChangeOutcome.read, json.loads(changes))) if changes else (),
        )


OUTCOME_COLUMNS = (
    "id",
    "status",
    "calcom_booking_uid",
    "hold_reason",
    "held_for",
    "last_error",
    "start_at",
    "booked_start_at",
    "awaits_host",
)


@cache
def outcome_columns() -> str:
    """Return what is read of a booking (`appointment`) for its outcome: OUTCOME_COLUMNS, and its changes."""
    return ", ".join([*(f"appointment.{name}" for name in OUTCOME_COLUMNS), read("changes")])


Answer = Receipt | Conflict | NotFirst


def answer(one: Inserted | NotFirst) -> Answer:
    """Return the answer to one request of a bulk; what was not stored is returned, not raised."""
    if isinstance(one, NotFirst):
        return one
    row = one.appointment
    return Conflict(row.id, row.idempotency_key) if one.conflict else Receipt.of(one)


def receipt(one: Inserted | NotFirst) -> Receipt:
    """Return the receipt of a single request; raises as `told`."""
    return told(answer(one))


def told(answered: Answer) -> Receipt:
    """Return an answer that is a receipt.

    Raises:
        IdempotencyConflict: The key of the request already stands for another request.
        NotFirstError: It is wanted only as the first for its time, and is not.
    """
    if isinstance(answered, Conflict):
        raise IdempotencyConflict(answered)
    if isinstance(answered, NotFirst):
        raise NotFirstError(answered)
    return answered

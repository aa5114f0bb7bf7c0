"""Cancel and move bookings from Python: `from worker import cancel_booking, reschedule_booking`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from db import appointments
from db.changes.change import SeriesPart
from db.connection import deadline
from db.lifecycle import ChangeStatus
from db.models.changes import SeriesScope
from tasks import dependencies
from tasks.changes.ask.ask import Ask, AskOutcome, AskResult, Via
from tasks.changes.ask.change import change_locked
from tasks.changes.ask.sending import send_released
from tasks.changes.ask.sentences import sentence_of
from tasks.host.database_errors import database_errors

PATIENCE = 10.0  # seconds


class ChangeRefusedError(ValueError):
    """Raised when a change cannot be asked for; nothing was stored, and `outcome` says why."""

    def __init__(self, result: AskResult) -> None:
        super().__init__(sentence_of(result))
        self.outcome = result.outcome


@dataclass(frozen=True, slots=True)
class ChangeReceipt:
    """What became of a change when it was asked for.

    `change_id` names it (None: the booking was not at Cal.com, and is cancelled). `duplicate`: it was asked for before.
    """

    booking_id: int
    change_id: int | None
    status: ChangeStatus
    said: str
    duplicate: bool

    @classmethod
    def of(cls, result: AskResult) -> Self:
        """Return the receipt of a change that is stored, or done."""
        change = result.change
        status = ChangeStatus.WAITING if change is None else change.status
        if change is None and result.outcome is AskOutcome.CANCELLED:
            status = ChangeStatus.DONE
        return cls(
            result.booking_id, None if change is None else change.id, status, sentence_of(result), result.repeated
        )


def cancel_booking(
    booking: int | str,
    *,
    reason: str | None = None,
    key: str | None = None,
    account: str | None = None,
    scope: str = SeriesScope.ALL,
    week: datetime | None = None,
) -> ChangeReceipt:
    """Cancel a booking, by its id, uuid or idempotency key; at Cal.com, if it is there.

    `reason` is what Cal.com tells the attendee. The same `key` is the same change. `account`: as in the request. Of a
    series with the `scope` "one" or "following" the week that begins at `week`, alone or with all that follow.

    Raises:
        ValueError: `scope` is unknown, or does not go with `week`.
        ChangeRefusedError: It cannot be cancelled; nothing was stored.
        AppointmentDatabaseException: Postgres did not store it; ask again, with the same key.
    """
    part = SeriesPart.of(scope, week)
    return _asked(booking, Ask.of_caller(Via.PYTHON, reason=reason, key=key, account=account, part=part))


def reschedule_booking(
    booking: int | str,
    start: datetime,
    *,
    reason: str | None = None,
    key: str | None = None,
    account: str | None = None,
) -> ChangeReceipt:
    """Move a booking to another start; else as `cancel_booking`."""
    return _asked(booking, Ask.of_caller(Via.PYTHON, reason=reason, key=key, account=account, start=start))


def _asked(booking: int | str, ask: Ask) -> ChangeReceipt:
    with database_errors(), deadline(PATIENCE), dependencies.current().engine.begin() as conn:
        row = appointments.find(conn, str(booking), account=ask.account, lock=True)
        result = AskResult(0, AskOutcome.MISSING) if row is None else change_locked(conn, row, ask)
    if not result.done:
        raise ChangeRefusedError(result)
    return ChangeReceipt.of(send_released(result))

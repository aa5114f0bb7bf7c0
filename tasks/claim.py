"""A claimed booking: its row, its lease, and the moves that the claim's token allows.

No transaction and no lock is held across a call to Cal.com: each step is a short transaction, and the token joins them.
Whatever dies in between, the lease ends and the sweeper takes the row up as unknown.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.appointments import Appointment, events
from db.lifecycle import Status, Strategy, strongest
from resilience.retry_policy import is_immediate
from tasks.database_errors import as_appointment_error
from tasks.dependencies import Dependencies
from tasks.moves import FromNow, Move
from tasks.publish import LONGEST_COUNTDOWN

WRITES, WRITE_AGAIN = 3, 0.3  # times, seconds between; what Cal.com has just answered is worth a second try


class LeaseLost(Exception):  # noqa: N818 - it ends an attempt; nothing went wrong here
    """Say that the row is no longer ours."""


class Claim:
    """Hold a row as the claim, or its last renewal, left it; every write compares the claim's token.

    `clock` is monotonic, in seconds: it bounds the lease from within this process, where Postgres's clock cannot be
    asked between the last check and the first byte. `at_once`: the database failed us, and was asked again at once.
    """

    def __init__(
        self, deps: Dependencies, row: Appointment, claimed_at: float, clock: Callable[[], float], *, at_once: bool
    ) -> None:
        self.deps = deps
        self.row = row
        self.clock = clock
        self.pause = threading.Event().wait
        self._at_once = at_once
        self._lease_ends = claimed_at + deps.timings.lease

    def renew(self, **changes: Any) -> Appointment:
        """Extend the lease before a further call, and return the row as it is now.

        Raises:
            LeaseLost: It is no longer ours.
        """
        at = self.clock()
        with self.deps.engine.begin() as conn:
            renewed = appointments.renew(
                conn, self.row.id, self.row.claim_token, lease_seconds=self.deps.timings.lease, **changes
            )
        if renewed is None:
            raise LeaseLost
        self.row, self._lease_ends = renewed, at + self.deps.timings.lease
        return renewed

    def first_byte_at(self, called_at: float) -> float | None:
        """Return this moment, if the first byte of a call that was begun at `called_at` may be sent at it."""
        now, timings = self.clock(), self.deps.timings
        in_time = called_at + timings.deadline <= self._lease_ends and now < called_at + timings.margin
        return now if in_time else None

    def write(self, step: Move) -> bool:
        """Make the move; return False when the row was no longer ours."""
        changes = _sql({**step.changes, "leases_lost": 0})
        if step.retry_in is not None and step.retry_in > LONGEST_COUNTDOWN:
            changes["enqueued_at"] = None  # no message is sent now: the sweeper sends it when its time has come
        for tried in range(WRITES):
            if self._at_once:
                before = changes.get("resilience_strategy", self.row.resilience_strategy)
                changes["resilience_strategy"] = strongest(before, Strategy.IMMEDIATE_RETRY)
            try:
                return self._move(step, changes)
            except SQLAlchemyError as exc:
                if tried == WRITES - 1 or self.clock() > self._lease_ends:
                    raise  # the lease runs out, and a look finds what Cal.com has done
                self._at_once = self._at_once or is_immediate(as_appointment_error(exc))
                if tried or not self._at_once:
                    self.pause(WRITE_AGAIN)
        return False

    def _move(self, step: Move, changes: dict[str, Any]) -> bool:
        with self.deps.engine.begin() as conn:
            moved = appointments.move(
                conn,
                self.row.id,
                Status.BOOKING,
                step.to,
                token=self.row.claim_token,
                why=step.why,
                by="worker",
                **changes,
            )
            if moved and step.notable is not None:
                events.record(conn, self.row.id, step.notable, "worker", {"uid": step.changes["calcom_booking_uid"]})
            if not moved and step.to is Status.CONFIRMED:  # we woke too late, but what Cal.com booked is recorded
                appointments.record_late_uid(
                    conn,
                    self.row.id,
                    step.changes["calcom_booking_uid"],
                    step.changes["calcom_seat_uid"],
                    series_uid=step.changes.get("series_uid"),
                )
        return moved


def _sql(changes: dict[str, Any]) -> dict[str, Any]:
    """Turn moments relative to now into SQL, so that Postgres's clock is the only one that rows know."""
    return {name: _moment(value) if isinstance(value, FromNow) else value for name, value in changes.items()}


def _moment(moment: FromNow) -> ColumnElement[datetime]:
    return func.now() + timedelta(seconds=moment.seconds)

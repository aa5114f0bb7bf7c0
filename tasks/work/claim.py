"""A claimed row: its lease, and the one place that writes the move of an attempt.

No transaction and no lock is held during a call to Cal.com: each step is a short transaction, and all of them compare
the claim's token. If the process dies between two steps, the lease ends, and the sweeper takes up the row with its
outcome unknown.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Generic

from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.appointments import Appointment, events
from db.appointments.there.places import BookedThere
from db.lifecycle import HoldReason, Status, Strategy, strongest
from db.queue import claims
from db.queue.kinds import BOOKINGS, Row, RowKind, Worked
from resilience.retry_policy import is_immediate
from tasks.accounts.door import NoAccess
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies
from tasks.host.database_errors import as_appointment_error
from tasks.host.log import Logger
from tasks.work.moves import WANTED_AGAIN, Move
from tasks.work.publish import LONGEST_COUNTDOWN
from tasks.work.waiting_move import moved_instead

WRITES, WRITE_AGAIN = 3, 0.3  # tries, and seconds between them; Cal.com's answer must not be lost

log = Logger(__name__)


class LeaseLost(Exception):  # noqa: N818 - no error: it ends an attempt
    """Report that the row is no longer ours."""


def claim(
    deps: Dependencies,
    appointment_id: int,
    *,
    released: bool = False,
    at_once: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> "BookingClaim | None":
    """Claim a booking; None: there is nothing to claim (it is done, held, or claimed by another worker).

    `released` is that of `appointments.claim`. `at_once`: the attempt before this one failed at the database.
    """
    at = clock()  # read before the statement, so that the lease is never longer here than in Postgres
    got = None
    if not (released or at_once):
        try:
            got = deps.claims.ask(appointment_id, partial(_claim_together, deps))
        except SQLAlchemyError as error:  # of one of them, or of all: each is claimed by itself
            at_once = is_immediate(as_appointment_error(error))
            log.warning("claimed_apart", error=type(error).__name__)
    if got is None:
        with deps.autocommit.connect() as conn:
            got = appointments.claim(conn, appointment_id, lease_seconds=deps.timings.lease, released=released)
    if got is None:
        if released:
            own = deps.at_service(deps.services.of_booking(appointment_id))
            own.breaker.held_work.give_back(CREATE, appointment_id)
        return None
    no_access = None
    try:
        deps = deps.for_claim(got.row.account_id, got.account, got.version)
    except NoAccess as shut:
        no_access, deps = shut, deps.at_service(deps.services.of_booking(appointment_id))
    ends, waited = at + deps.timings.lease, waited_for(got.row)
    claimed = BookingClaim(deps, got.row, ends, released, got.backlog, at_once, clock, at, waited, no_access)
    claimed.seats_given_up = got.seats_given_up
    return claimed


def _claim_together(deps: Dependencies, ids: Sequence[int]) -> list[appointments.Claimed | None]:
    """Claim bookings for as many threads; None: that one is to be claimed by itself."""
    with deps.autocommit.connect() as conn:
        claimed = appointments.claim_together(conn, ids, lease_seconds=deps.timings.lease)
    return [claimed.pop(number, None) for number in ids]  # of two deliveries of one id, one


@dataclass(slots=True)
class Claim(ABC, Generic[Row]):
    """Hold a claimed row as its claim or last renewal read it; every write compares the claim's token.

    `released`: the row has a place in the release window. `backlog`: the hold reason of the older requests
    that it must not overtake (None: no such requests). `at_once`: the database failed, and was tried again at once.
    `clock` is monotonic, in seconds: between the last check and the first byte Postgres's clock cannot be read, so this
    clock bounds the lease. `waited`: seconds since the message was sent (None: not known). `deps` has the client of the
    row's account: all calls of the attempt have its key, whatever becomes of the account meanwhile. `no_access`: it has
    none, and nothing may be called.
    """

    kind: ClassVar[RowKind[Any]]

    deps: Dependencies
    row: Row
    lease_ends: float
    released: bool
    backlog: HoldReason | None
    at_once: bool
    clock: Callable[[], float]
    begun_at: float
    waited: float | None
    no_access: NoAccess | None = None
    pause: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)

    @property
    @abstractmethod
    def booking_id(self) -> int:
        """Return the id of the booking that it is about."""

    @abstractmethod
    def give_back(self, answered_at: int = 0) -> None:
        """Free the place in the release window that is not used; `answered_at` is that of `HeldWork.give_back`."""

    def renew(self, **columns: Any) -> Row:
        """Extend the lease before a further call, and return the row as it is now.

        Raises:
            LeaseLost: The row is no longer ours.
        """
        at, lease = self.clock(), self.deps.timings.lease
        with self.deps.autocommit.connect() as conn:
            renewed: Row | None = claims.renew(conn, self.kind, self.row, lease_seconds=lease, **columns)
        if renewed is None:
            raise LeaseLost
        self.row, self.lease_ends = renewed, at + lease
        return renewed

    def first_byte_at(self, called_at: float) -> float | None:
        """Return the clock's time if the first byte of a call begun at `called_at` may be sent now, else None."""
        now, timings = self.clock(), self.deps.timings
        in_time = called_at + timings.deadline <= self.lease_ends and now < called_at + timings.margin
        return now if in_time else None

    def write(self, move: Move) -> Move | None:
        """Write the move, and try again if Postgres fails; return the move written (None: the row is no longer ours).

        A cancellation becomes WANTED_AGAIN if the caller has requested the booking again meanwhile.
        """
        at_once, tried = self.at_once, 0
        while True:
            tried += 1
            try:
                if (written := self._write(move, at_once=at_once)) is not None:
                    return written
                if move.to is not Status.CANCELLED:
                    return None
                move = WANTED_AGAIN
            except SQLAlchemyError as exc:
                if tried == WRITES or self.clock() > self.lease_ends:
                    raise  # when the lease has ended, a lookup finds what Cal.com has done
                at_once = at_once or is_immediate(as_appointment_error(exc))
                if tried > 1 or not at_once:
                    self.pause(WRITE_AGAIN)

    def failed(self, error: Exception) -> None:
        """Note that its move is written again at once, if this error asks for that."""
        self.at_once = self.at_once or is_immediate(as_appointment_error(error))

    @abstractmethod
    def _write(self, move: Move, *, at_once: bool) -> Move | None: ...

    def detail(self, move: Move) -> dict[str, Any]:
        """Return the detail of the move's event: times in ms, Cal.com's words, the calls, and the move's facts."""
        seconds = {"waited_ms": self.waited, "attempt_ms": self.clock() - self.begun_at, "retry_in_ms": move.retry_in}
        times: dict[str, Any] = {name: round(1000 * value) for name, value in seconds.items() if value is not None}
        given = {"words": move.words, "calls": list(move.calls)}
        return times | dict(move.facts) | {name: value for name, value in given.items() if value}


@dataclass(slots=True)
class BookingClaim(Claim[Appointment]):
    """Hold a claimed booking; `seats_given_up`: some are, of its account."""

    kind = BOOKINGS
    seats_given_up: bool = False

    @property
    def booking_id(self) -> int:
        """Return its id."""
        return self.row.id

    def give_back(self, answered_at: int = 0) -> None:
        """Free its place in the window of bookings."""
        self.deps.breaker.held_work.give_back(CREATE, self.row.id, answered_at=answered_at)

    def confirmation(self, move: Move) -> appointments.Confirmation:
        """Return its confirmation, which is written with those of others."""
        columns = columns_of(self.row, move, at_once=self.at_once)
        return appointments.Confirmation(self.row.id, self.row.claim_token, move.why, self.detail(move), columns)

    def _write(self, move: Move, *, at_once: bool) -> Move | None:
        row, several = self.row, move.to is Status.CANCELLED or move.notable or move.also
        with self.deps.engine.begin() if several else self.deps.autocommit.connect() as conn:
            if move.to is Status.CANCELLED:
                move = moved_instead(conn, row, move, lead_seconds=self.deps.timings.lead)
            moved = appointments.move(
                conn, row.id, Status.BOOKING, Status(move.to), token=row.claim_token, why=move.why,
                detail=self.detail(move), **columns_of(row, move, at_once=at_once),
            )  # fmt: skip
            if moved and move.also:
                move.also(conn)
            if moved and move.notable:
                events.record(conn, row.id, move.notable, "worker", {"uid": move.columns["calcom_booking_uid"]})
        if not moved and move.to is Status.CONFIRMED:  # the claim is lost, but Cal.com's booking is recorded
            names = ("calcom_booking_uid", "calcom_seat_uid", "series_uid", "booked_start_at", "awaits_host")
            there = BookedThere(*(move.columns.get(name) for name in names))
            with self.deps.engine.begin() as conn:
                appointments.record_late_uid(conn, row.id, there, detail=self.detail(move))
        return move if moved else None


def waited_for(row: Worked) -> float | None:
    """Return the seconds from the sending of its message to its claim; None: not known."""
    return None if row.enqueued_at is None else (row.updated_at - row.enqueued_at).total_seconds()


def columns_of(row: Worked, move: Move, *, at_once: bool) -> dict[str, Any]:
    """Return the columns that are written with a move."""
    columns = {**move.columns, "leases_lost": 0}
    if move.retry_in is not None and move.retry_in > LONGEST_COUNTDOWN:
        columns["enqueued_at"] = None  # too long for a countdown: the sweeper sends the message when it is due
    if at_once:
        before = move.columns.get("resilience_strategy", row.resilience_strategy)
        columns["resilience_strategy"] = strongest(before, Strategy.IMMEDIATE_RETRY)
    return columns

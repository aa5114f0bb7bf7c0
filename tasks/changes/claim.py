"""A claimed change, and the places that write its move: after an attempt, or of one that is held."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.appointments import Appointment, events
from db.changes import moves, sweeps
from db.changes.change import BookingChange
from db.lifecycle import OVER, ChangeStatus
from db.queue.items import item
from db.queue.kinds import CHANGES
from resilience.circuit_breaker.types import State
from tasks.accounts.door import NoAccess
from tasks.calcom.access import CREATE, OF_KIND
from tasks.dependencies import Dependencies
from tasks.host.log import Logger
from tasks.work.claim import Claim, columns_of, waited_for
from tasks.work.moves import Move
from tasks.work.publish import send

log = Logger(__name__)


def claim_change(
    deps: Dependencies,
    change_id: int,
    *,
    released: bool = False,
    at_once: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> "ChangeClaim | None":
    """Claim a change; None: there is nothing to claim, or another change of its uid goes first. As for bookings."""
    at = clock()  # read before the statement, so that the lease is never longer here than in Postgres
    with deps.autocommit.connect() as conn:
        got = moves.claim(conn, change_id, lease_seconds=deps.timings.lease, released=released)
    if got is None:
        if released:
            _give_back(deps.at_service(deps.services.of_change(change_id)), change_id, OF_KIND.values())
        return None
    no_access = None
    try:
        deps = deps.for_claim(got.change.account_id, got.account, got.version)
    except NoAccess as shut:
        no_access, deps = shut, deps.at_service(deps.services.of_change(change_id))
    ends, waited = at + deps.timings.lease, waited_for(got.change)
    backlog = None if got.backlog is not None and _need_not_wait(deps) else got.backlog
    return ChangeClaim(
        deps, got.change, ends, released, backlog, at_once, clock, at, waited, no_access, booking=got.booking
    )


def _need_not_wait(deps: Dependencies) -> bool:
    """Return whether the line that a change has met waits for the endpoint of bookings alone."""
    bookings = deps.breaker.held_work.count_releasable(CREATE, account=deps.caller)
    return bookings.state is State.CLOSED and bookings.others_go


def _give_back(deps: Dependencies, change_id: int, endpoints: Iterable[str], *, answered_at: int = 0) -> None:
    """Free the place of a change, in the common window or in that of its own endpoint."""
    place, held = item(CHANGES, change_id), deps.breaker.held_work
    held.give_back(CREATE, place, answered_at=answered_at)
    for endpoint in endpoints:
        held.give_back(endpoint, place, answered_at=answered_at, apart=True)


@dataclass(slots=True, kw_only=True)
class ChangeClaim(Claim[BookingChange]):
    """Hold a claimed change; `booking` is its booking as the claim read it."""

    kind = CHANGES

    booking: Appointment

    @property
    def booking_id(self) -> int:
        """Return the id of its booking."""
        return self.booking.id

    def give_back(self, answered_at: int = 0) -> None:
        """Free its place in the release window; `answered_at` is that of `HeldWork.give_back`."""
        _give_back(self.deps, self.row.id, [OF_KIND[self.row.kind]], answered_at=answered_at)

    def write(self, move: Move) -> Move | None:
        """Write the move as a booking's is written; a change of known outcome lets the next one of its uid go."""
        written = Claim.write(self, move)
        if written is not None and self._is_known(written):
            try:
                with self.deps.autocommit.connect() as conn:
                    following = sweeps.let_next_go(conn, left=[self.row])
            except SQLAlchemyError as exc:
                log.warning("next_change_not_sent", error=type(exc).__name__, next="the sweeper sends it")
            else:
                send(self.deps, following)
        return written

    def _is_known(self, written: Move) -> bool:
        return written.to in OVER or not written.columns.get("outcome_unknown", self.row.outcome_unknown)

    def _write(self, move: Move, *, at_once: bool) -> Move | None:
        change, to = self.row, ChangeStatus(move.to.value)
        columns = columns_of(change, move, at_once=at_once)
        with self.deps.engine.begin() as conn:
            moved = moves.move(
                conn,
                change.id,
                ChangeStatus.CHANGING,
                to,
                token=change.claim_token,
                why=move.why,
                detail=self.detail(move),
                **columns,
            )
            if moved and move.also:
                move.also(conn)
            if moved and to is ChangeStatus.FAILED:  # somebody was told that it is noted
                told = {"change": change.id, "what": change.kind.value, "why": move.why}
                events.record(conn, change.appointment_id, events.CHANGE_NEEDS_YOU, "worker", told)
        return move if moved else None


def end_held(
    deps: Dependencies,
    change: BookingChange,
    ends: Callable[[Appointment], Move],
    *,
    by: str,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """End a held change that nobody has claimed, if it is still as it was read; then the next one of its uid may go.

    `ends` returns its move for the booking as it is now.
    """
    with deps.engine.begin() as conn:
        booking = appointments.get(conn, change.appointment_id, lock=True)  # first the booking, as everybody locks
        now = moves.get(conn, change.id, lock=True)
        if booking is None or now is None or now.updated_at != change.updated_at:
            return False
        move = ends(booking)
        to = ChangeStatus(move.to.value)
        moves.move(conn, change.id, ChangeStatus.HELD, to, why=move.why, by=by, detail=detail, **move.columns)
        if move.also is not None:
            move.also(conn)
        following = sweeps.let_next_go(conn, left=[change])
    send(deps, following)
    return True

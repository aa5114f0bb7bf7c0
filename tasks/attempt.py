"""One attempt at a booking: claim it, look or post, and write down what came of it.

Nothing here holds a database transaction or a lock across a call to Cal.com: each step is a short transaction, and the
claim's token joins them. Whatever dies in between, the lease ends and the sweeper takes the row up as unknown.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import SQLAlchemyError

from db import appointments, pacing
from db.appointments import Appointment
from db.lifecycle import HoldReason, Status, Strategy, strongest
from resilience.retry_policy import is_immediate
from tasks.calcom.body import booking_body
from tasks.calcom.look import SightingKind, Slot, ask_slots, look
from tasks.calcom.meaning import ErrorType, Meaning, Reply
from tasks.database_errors import as_appointment_error
from tasks.guard import CREATE, GuardedCalls, NotNow
from tasks.life import Rules
from tasks.parts import Parts
from tasks.publish import LONGEST_COUNTDOWN
from tasks.steps import In, Next, Post, cancelled_unbooked, confirmed
from tasks.witness import sees

WRITES, WRITE_AGAIN = 3, 0.3  # times, seconds between; what Cal.com has just answered is worth a second try


class Attempt:
    """Carry one claimed booking through its calls; every write compares the claim's token.

    `clock` is monotonic, in seconds: it bounds the lease from within this process, where Postgres's clock cannot be
    asked between the last check and the first byte.
    """

    def __init__(
        self,
        parts: Parts,
        row: Appointment,
        claimed_at: float,
        clock: Callable[[], float],
        *,
        released: bool,
        line: HoldReason | None,
        at_once: bool = False,
    ) -> None:
        self.parts = parts
        self.row = row
        self.line = line  # whom it waits behind
        self.at_once = at_once  # whether the database failed us, and was asked again at once
        self.calls = GuardedCalls(parts, row, released=released)
        self.rules = rules(parts)
        self.clock = clock
        self.pause = threading.Event().wait
        self.lease_ends = claimed_at + parts.terms.lease
        self.first_byte_at: float | None = None
        self.known = False  # whether nothing is booked, for certain
        self.retry = False  # whether the POST to come costs a retry

    def run(self) -> Next | None:
        """Return the move that was made; None when the row was no longer ours."""
        try:
            step = self._step()
        except NotNow as no:
            if no.look_only and self.row.outcome_unknown and not self.known:
                step = self.rules.not_looked(no.denied.retry_after)
            else:
                step = self.rules.not_now(self.row, no.denied.reason, known=self.known, retry=self.retry)
        finally:
            self.calls.done()
        if step is None:
            return None
        calls = self.calls
        step = self.rules.instead_of_retry(
            self.row, step, shut=calls.shut, probe_failed=calls.probe_failed, blame=calls.blame
        )
        return step if self._write(step) else None

    def _step(self) -> Next | None:
        row = self.row
        if self.line is not None:
            return self.rules.behind_others(row, self.line)
        if row.calcom_booking_uid is not None:  # a call that was given up answered late, and its uid was recorded
            return confirmed(row.calcom_booking_uid, row.calcom_seat_uid, "a late answer")
        step = self._look() if row.outcome_unknown else Post()
        if not isinstance(step, Post):
            return step
        starts_in = (row.start_at - _now(row)).total_seconds()
        self.known, self.retry = True, step.retry
        ready = self.rules.before_post(row, starts_in=starts_in)
        return self._post(retry=step.retry) if isinstance(ready, Post) else ready

    @property
    def opened(self) -> bool:
        """Say whether this attempt opened the breaker."""
        return self.calls.last is not None and self.calls.last.opened

    @property
    def makes_room(self) -> bool:
        """Say whether held bookings may go now: this attempt closed the breaker, or left its place in the window."""
        last = self.calls.last
        return self.calls.gave_back or (last is not None and (last.closed or last.room > 0))

    # -- looking -----------------------------------------------------------------------------------------------------

    def _look(self) -> Next | Post | None:
        row = self.row
        settled_in = (row.settle_at - _now(row)).total_seconds() if row.settle_at else 0.0
        # First what is remembered for good: of several calls in one attempt, the limit may deny the later ones.
        visible = settled_in <= 0 and sees(self.parts, self.calls, row)
        if visible and not self._renew():
            return None
        sighting = look(self.calls, row)
        slot = self._slot() if sighting.kind is SightingKind.ABSENT and visible else Slot.UNASKED
        return self.rules.after_look(row, sighting, settled_in=settled_in, visible=visible, slot=slot)

    def _slot(self) -> Slot:
        """Ask the second witness; a denial does not undo what the first one said."""
        try:
            return ask_slots(self.calls, self.row) if self._renew() else Slot.UNASKED
        except NotNow:
            return Slot.UNASKED

    # -- posting -----------------------------------------------------------------------------------------------------

    def _post(self, *, retry: bool) -> Next | None:
        permit = self.calls.permit_post()
        row = self.row
        if retry:  # a look proved that nothing is booked; the row must say so before the next byte may change it
            known = {"outcome_unknown": False, "settle_at": None, "looks": 0, "retry_count": row.retry_count + 1}
            try:
                ours = self._renew(**known, refusal=None)
            except BaseException:
                self.calls.give_up(permit)
                raise
            row = self.row
            if not ours or row.calcom_booking_uid is not None:
                self.calls.give_up(permit)
                return confirmed(row.calcom_booking_uid, row.calcom_seat_uid, "a late answer") if ours else None
            if row.cancel_requested:  # while we looked
                self.calls.give_up(permit)
                return cancelled_unbooked()
        called_at = self.clock()

        def may_send() -> bool:
            now = self.clock()
            in_time = (
                called_at + self.parts.terms.deadline <= self.lease_ends and now < called_at + self.parts.terms.margin
            )
            if in_time:
                self.first_byte_at = now
            return in_time

        reply = self.calls.post(permit, booking_body(row), may_send)
        if reply.error_type is ErrorType.LEASE_LOST:
            return Next(Status.RETRYING, "the claim was too old to send", {"next_attempt_at": In(0)}, retry_in=0)
        return self._after_post(row, reply)

    def _after_post(self, row: Appointment, reply: Reply) -> Next:
        if reply.meaning is Meaning.TAKEN and row.sent_at is None:
            return self.rules.taken(row, reply, self._slot() if reply.ask_slots else Slot.UNASKED)
        sent_ago = self.clock() - self.first_byte_at if self.first_byte_at is not None else 0.0
        return self.rules.after_post(row, reply, sent_ago=sent_ago)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _renew(self, **changes: Any) -> bool:
        """Extend the lease before a further call; False when the row is no longer ours."""
        at = self.clock()
        with self.parts.engine.begin() as conn:
            renewed = appointments.renew(
                conn, self.row.id, self.row.claim_token, lease_seconds=self.parts.terms.lease, **changes
            )
        if renewed is None:
            return False
        self.row, self.lease_ends = renewed, at + self.parts.terms.lease
        return True

    def _write(self, step: Next) -> bool:
        changes = sql({**step.changes, "leases_lost": 0})
        if step.retry_in is not None and step.retry_in > LONGEST_COUNTDOWN:
            changes["enqueued_at"] = None  # no message is sent now: the sweeper sends it when its time has come
        if self.first_byte_at is not None:
            changes["posts"] = self.row.posts + 1
        for tried in range(WRITES):
            if self.at_once:
                before = changes.get("resilience_strategy", self.row.resilience_strategy)
                changes["resilience_strategy"] = strongest(before, Strategy.IMMEDIATE_RETRY)
            try:
                return self._move(step, changes)
            except SQLAlchemyError as exc:
                if tried == WRITES - 1 or self.clock() > self.lease_ends:
                    raise  # the lease runs out, and a look finds what Cal.com has done
                self.at_once = self.at_once or is_immediate(as_appointment_error(exc))
                if tried or not self.at_once:
                    self.pause(WRITE_AGAIN)
        return False

    def _move(self, step: Next, changes: dict[str, Any]) -> bool:
        with self.parts.engine.begin() as conn:
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
            if not moved and step.to is Status.CONFIRMED:  # we woke too late, but what Cal.com booked is recorded
                appointments.record_late_uid(
                    conn, self.row.id, step.changes["calcom_booking_uid"], step.changes["calcom_seat_uid"]
                )
        return moved


def rules(parts: Parts) -> Rules:
    """Return today's rules."""
    return Rules(parts.policy, parts.terms, parts.calcom.key_fingerprint, parts.calcom.settings_fingerprint)


def claim(
    parts: Parts,
    appointment_id: int,
    *,
    released: bool = False,
    at_once: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Attempt | None:
    """Claim a booking; None when there is nothing to claim (done, held, or somebody else's).

    `released`: the paced release let it go. What was not, and is due for its first POST, waits behind those that were
    requested earlier and are held. `at_once`: the message before this one failed at the database.
    """
    at = clock()  # before the statement: a lease must never seem longer here than it is in Postgres
    with parts.engine.begin() as conn:
        row = appointments.claim(conn, appointment_id, lease_seconds=parts.terms.lease)
        line = None
        if row is not None and not (released or row.posts or row.outcome_unknown):
            line = pacing.line(conn, before=row.requested_at)
    if row is None:
        if released:
            parts.breaker.give_back(CREATE, appointment_id)
        return None
    return Attempt(parts, row, at, clock, released=released, line=line, at_once=at_once)


def sql(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Turn moments relative to now into SQL, so that Postgres's clock is the only one that rows know."""
    return {name: _moment(value) if isinstance(value, In) else value for name, value in changes.items()}


def _moment(moment: In) -> ColumnElement[datetime]:
    return func.now() + timedelta(seconds=moment.seconds)


def _now(row: Appointment) -> datetime:
    return row.updated_at  # the claim has just set it, by Postgres's clock

"""One attempt at a booking: claim it, look or post, and write down what came of it.

Nothing here holds a database transaction or a lock across a call to Cal.com: each step is a short transaction, and the
claim's token joins them. Whatever dies in between, the lease ends and the sweeper takes the row up as unknown.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.exc import SQLAlchemyError

from db import appointments, events, pacing
from db.appointments import Appointment
from db.event_types import EventKind
from db.events import MADE_AGAIN
from db.lifecycle import HoldReason, Status, Strategy, strongest
from resilience.retry_policy import is_immediate
from tasks import event_types, unknown
from tasks.calcom.body import booking_body
from tasks.calcom.meaning import ErrorType, Meaning, Reply, Settle
from tasks.database_errors import as_appointment_error
from tasks.guard import CREATE, GuardedCalls, NotNow
from tasks.inquiry import Inquiry, LeaseLost, was_made_now
from tasks.life import Rules
from tasks.parts import Parts
from tasks.publish import LONGEST_COUNTDOWN
from tasks.steps import KNOWN, In, Next, Post, cancelled_unbooked, confirmed

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
        self.calls = GuardedCalls(parts, row, released=released, renew=self.renew)
        self.rules = rules(parts)
        self.clock = clock
        self.pause = threading.Event().wait
        self.lease_ends = claimed_at + parts.terms.lease
        self.first_byte_at: float | None = None
        self.allowed: Post | None = None  # once nothing stands against a POST but the breaker and the limit

    def run(self) -> Next | None:
        """Return the move that was made; None when the row was no longer ours."""
        try:
            step = self._step()
        except LeaseLost:
            return None
        except NotNow as no:
            known = self.allowed is not None and self.allowed.known
            if no.look_only and self.row.outcome_unknown and not known:
                step = self.rules.not_looked(no.denied.retry_after)
            else:
                retry = self.allowed is not None and self.allowed.retry
                step = self.rules.not_now(self.row, no.denied.reason, known=known, retry=retry)
        finally:
            self.calls.done()
        calls = self.calls
        step = self.rules.instead_of_retry(
            self.row, step, shut=calls.shut, probe_failed=calls.probe_failed, blame=calls.blame
        )
        return step if self._write(step) else None

    def _step(self) -> Next:
        row = self.row
        if self.line is not None:
            return self.rules.behind_others(row, self.line)
        if row.calcom_booking_uid is not None:  # a call that was given up answered late, and its uid was recorded
            return unknown.late_answer(row)
        step = Inquiry(self).look() if row.outcome_unknown else Post()
        if isinstance(step, Post) and step.known:
            ready = self.rules.before_post(self.row, starts_in=(row.start_at - row.updated_at).total_seconds())
            step = replace(ready, retry=step.retry) if isinstance(ready, Post) else ready
        if isinstance(step, Next):
            return step
        self.allowed = step
        return self._post(step)

    @property
    def opened(self) -> bool:
        """Say whether this attempt opened the breaker."""
        return self.calls.last is not None and self.calls.last.opened

    @property
    def makes_room(self) -> bool:
        """Say whether held bookings may go now: this attempt closed the breaker, or left its place in the window."""
        last = self.calls.last
        return self.calls.gave_back or (last is not None and (last.closed or last.room > 0))

    # -- posting -----------------------------------------------------------------------------------------------------

    def _post(self, allowed: Post) -> Next:
        permit = self.calls.permit_post()
        if self.row.outcome_unknown:
            try:
                stop = self._renew_to_post(allowed)
            except BaseException:
                self.calls.give_up(permit)
                raise
            if stop is not None:
                self.calls.give_up(permit)
                return stop
        row = self.row
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
        sent_ago = self.clock() - self.first_byte_at if self.first_byte_at is not None else 0.0
        return self._after_post(row, allowed, reply, sent_ago)

    def _renew_to_post(self, allowed: Post) -> Next | None:
        """Renew the claim of a row whose outcome is, or was, unknown; return its move if it must not be posted now.

        Where nothing is booked the row must say so before the next byte may change it.
        """
        row = self.renew(**(KNOWN | {"retry_count": self.row.retry_count + 1} if allowed.known else {}))
        if row.calcom_booking_uid is not None:
            return unknown.late_answer(row)
        if not row.cancel_requested:  # while we looked
            return None
        if allowed.known:
            return cancelled_unbooked()
        return Next(
            Status.RETRYING, "its cancellation is asked for: look again", {"next_attempt_at": In(0)}, retry_in=0
        )

    def _after_post(self, row: Appointment, allowed: Post, reply: Reply, sent_ago: float) -> Next:
        open_before = row.outcome_unknown
        match reply.meaning:
            case Meaning.BOOKED:
                return self._booked(row, allowed, reply, sent_ago)
            case Meaning.NOT_SENT | Meaning.THROTTLED | Meaning.CREDENTIALS | Meaning.CONFIGURATION if open_before:
                return unknown.look_failed(self.rules, row, reply)  # nothing was sent, and nothing is known more
            case Meaning.NOT_SENT:
                return self.rules.again(row, reply.error_type, reply.message, reply.retry_after)
            case Meaning.THROTTLED | Meaning.CREDENTIALS | Meaning.CONFIGURATION:
                return self.rules.held(row, reply)
            case Meaning.UNKNOWN:
                kept = event_types.known(self.parts, row) if reply.settle is Settle.GATEWAY else None
                kind = kept.kind if kept is not None and kept.fresh else None
                return unknown.unknown(self.rules, row, reply, sent_ago=sent_ago, kind=kind, post=allowed)
        inquiry = Inquiry(self)
        return inquiry.second_refused(allowed, reply, sent_ago=sent_ago) if open_before else inquiry.refused(reply)

    def _booked(self, row: Appointment, allowed: Post, reply: Reply, sent_ago: float) -> Next:
        event_types.learn_id(self.parts, row, reply.event_type_id)
        why = f"Cal.com booked it ({reply.http_status})"
        step = confirmed(
            reply.uid,
            reply.seat_uid,
            why,
            series_uid=reply.series_uid,
            count_at=row.ends_at or (None if reply.at_start else In(self.parts.terms.settle_unanswered)),
        )
        if not (allowed.evidence and was_made_now(reply, sent_ago=sent_ago)):
            return step
        kept = event_types.known(self.parts, row)
        by_host = kept is not None and kept.kind is EventKind.CONFIRMATION  # who sees two requests of one customer
        why = f"{why}: made now, the earlier one was not there any more, or never"
        return replace(step, why=why, notable=MADE_AGAIN if by_host else None)

    # -- writing -----------------------------------------------------------------------------------------------------

    def renew(self, **changes: Any) -> Appointment:
        """Extend the lease before a further call, and return the row as it is now.

        Raises:
            LeaseLost: It is no longer ours.
        """
        at = self.clock()
        with self.parts.engine.begin() as conn:
            renewed = appointments.renew(
                conn, self.row.id, self.row.claim_token, lease_seconds=self.parts.terms.lease, **changes
            )
        if renewed is None:
            raise LeaseLost
        self.row, self.lease_ends = renewed, at + self.parts.terms.lease
        return renewed

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

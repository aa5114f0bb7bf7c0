"""One booking as `booking show` and the Resilience page show it: its row, its events, and why it is not moving."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.appointments import Appointment, event_types
from db.appointments.events import Event
from db.appointments.queue import QUEUED, asked_before
from db.changes import asking
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus
from resilience.circuit_breaker.types import Block
from tasks.accounts.callers import caller_of
from tasks.calcom.access import CREATE
from tasks.changes.ask.sentences import standing
from tasks.dependencies import Dependencies
from tasks.story.timeline import whole_timeline
from tasks.story.why import why
from tasks.words import plural


@dataclass(frozen=True, slots=True)
class BookingStory:
    """A booking at `now`, by Postgres's clock: its row, why it is not moving, its changes, and what happened to it.

    `deleted`: Cal.com no longer has its event type. `events` are all events after the request.
    """

    row: Appointment
    now: datetime
    deleted: bool
    why: str
    events: list[Event]
    changes: list[BookingChange]
    account: str | None = None
    """The name of its account; None: `default` is the only one."""

    @property
    def what(self) -> str:
        """Return what is booked."""
        length = f", {self.row.length_in_minutes} min" if self.row.length_in_minutes else ""
        return f"event type {self.row.event_type}{length}{' (deleted at Cal.com)' if self.deleted else ''}"

    @property
    def moved(self) -> str | None:
        """Return who moved it to where it is at Cal.com; None: it is where it was asked for."""
        there = self.row.booked_start_at
        if there is None:
            return None
        by_us = any(one.status is ChangeStatus.DONE and one.wanted == there for one in self.changes)
        return "by us" if by_us else "at Cal.com"

    @property
    def timeline(self) -> list[Event]:
        """Return the events; the first one is the request."""
        return [Event("asked", "caller", {}, self.row.created_at), *self.events]


def block_of(deps: Dependencies, conn: Connection, row: Appointment) -> Block:
    """Return what stops the line of a booking's account, at its service: Redis is asked."""
    caller = deps.caller
    if row.account_id != DEFAULT_ACCOUNT:
        account = accounts.get(conn, row.account_id)
        caller = caller_of(account, account.key_fingerprint or "", "")
    seen = deps.at_service(caller.service).breaker.view.status(account=caller)
    return seen.block(CREATE, key=caller.key, configuration=caller.configuration)


def gather(
    conn: Connection, row: Appointment, *, key: str, blocked_by: Callable[[Connection, Appointment], Block]
) -> BookingStory:
    """Read the story of a booking; its event type is what Cal.com has shown to the present key (its fingerprint).

    `blocked_by` returns what stops the line of a booking's account; it is asked of a booking in a queue alone.
    """
    event_type = event_types.known(conn, key, row.event_type, account=row.account_id)
    deleted = event_type is not None and event_type.deleted
    events = whole_timeline(conn, row)
    now: datetime = conn.execute(select(func.now())).scalar_one()
    block, before = Block.UNKNOWN, ""
    if row.hold_reason in QUEUED:
        block = blocked_by(conn, row)
        before = _tried_before(0 if row.outcome_unknown else asked_before(conn, row.id))
    changes = asking.of_booking(conn, row.id)
    opened = [one for one in changes if not one.over]
    cancel_goes = any(one.ends_booking for one in opened)
    account = accounts.names(conn, [row.account_id]).get(row.account_id)
    line = why(row, now, deleted=deleted, block=block, cancel_goes=cancel_goes, account=account)
    told = " ".join(part for part in (line, before, *(standing(one, now) for one in opened)) if part)
    return BookingStory(row, now, deleted, told, events, changes, account)


def _tried_before(ahead: int) -> str:
    if not ahead:
        return ""
    tried = "is" if ahead == 1 else "are"
    return f"{plural(ahead, 'request')} for the same time came before it, and {tried} tried first."

"""Ask Cal.com what an event type is, and whether our key is shown all of its bookings (docs/calcom.md, "Sight").

Cal.com is asked when the answer is first needed, so that a healthy day costs no call, and the answer is stored for a
day. A step that depends on the answer asks again right before it: a type's confirmation and a key's rights change.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.appointments import event_types
from db.appointments.appointment import Appointment
from db.appointments.event_types import EventType, ShownType
from db.event_kind import EventKind
from tasks.accounts.recent import Recent
from tasks.calcom.event_type_answers import (
    EventTypeFacts,
    Me,
    read_event_type,
    read_event_types,
    read_free_email,
    read_me,
)
from tasks.calcom.reply import Reply, ReplyKind
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls, NotNow

SHARED = timedelta(seconds=5)  # for so long a reading counts for other bookings of its type
LONGEST_TURN = 20.0  # seconds for which one waits for another's reading; then it reads for itself


class NotAskedError(Exception):
    """Report that Cal.com gave no answer about an event type; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message or reply.error_type.value)
        self.reply = reply


_users: Recent[str, Me] = Recent(4_000)  # by fingerprint of the settings: the user of a key never changes
_learnt: Recent[tuple[str, str], int] = Recent(4_000)  # the number that was stored, by key and event type
_turns: WeakValueDictionary[tuple[str, int, str], threading.Lock] = WeakValueDictionary()  # of each type that is read
_turns_guard = threading.Lock()


def known(deps: Dependencies, row: Appointment) -> EventType | None:
    """Return what is stored about the row's event type for the present key, of any age; None: nothing is stored."""
    with deps.autocommit.connect() as conn:
        return _kept(conn, deps, row)


def _kept(conn: Connection, deps: Dependencies, row: Appointment) -> EventType | None:
    return event_types.known(conn, deps.calcom.key_fingerprint, row.event_type, account=row.account_id)


def lately(deps: Dependencies, row: Appointment, since: datetime) -> EventType | None:
    """Return what a reading for another booking of the type has shown, which began after `since`, and just now.

    All moments are of Postgres's clock. None: there is no such reading, or the type is deleted.
    """
    with deps.autocommit.connect() as conn:
        since = max(since, appointments.now(conn) - SHARED)
        kept = _kept(conn, deps, row)
    return _if_asked_after(since, kept)


def _if_asked_after(moment: datetime, kept: EventType | None) -> EventType | None:
    return kept if kept is not None and kept.asked_at > moment and not kept.deleted else None


def user(deps: Dependencies, calls: GuardedCalls, *, again: bool = False) -> Me | None:
    """Return the user of our key, asked once in each process, or now if `again`; None: Cal.com gives no answer now."""
    settings = deps.calcom.settings_fingerprint
    known_user = None if again else _users.get(settings)
    if known_user is None:
        try:
            me = read_me(calls.me())
        except NotNow as no:
            if not no.lookups_only:
                raise
            return None  # only this endpoint is blocked: a lookup may find the booking without it
        if isinstance(me, Reply):
            return None
        _users[settings] = me
        return me
    return known_user


def ask(deps: Dependencies, calls: GuardedCalls, row: Appointment, *, stranger: bool = False) -> EventType:
    """Return what Cal.com shows of the row's event type, by a reading that begins after this call, and is stored.

    While one thread of this process reads, the others that ask wait for it, and then one of them reads for all.

    `stranger`: a list has just shown this key a booking in which its user takes no part. What is stored about a deleted
    type stays until Cal.com has the type again. A type is of unknown kind if this key may not read it, or if its number
    is not known yet. What was read about it before stays stored, because a wrong URL may lead to another Cal.com.

    Raises:
        NotAskedError: Cal.com gave no answer.
    """
    with deps.autocommit.connect() as conn:
        began_at = appointments.now(conn)
    with _turn(deps, row) as waited:
        if waited:
            with deps.autocommit.connect() as conn:
                shared = _if_asked_after(began_at, _kept(conn, deps, row))
                began_at = appointments.now(conn)
            if shared is not None and (shared.sight or not stranger):
                return shared
        return _read(deps, calls, row, began_at, stranger=stranger)


@contextmanager
def _turn(deps: Dependencies, row: Appointment) -> Iterator[bool]:
    """Wait while another thread reads the row's event type; yield whether one did."""
    of = (deps.calcom.key_fingerprint, row.account_id, row.event_type)
    with _turns_guard:
        turn = _turns.setdefault(of, threading.Lock())
    at_once = turn.acquire(blocking=False)
    has_turn = at_once or turn.acquire(timeout=LONGEST_TURN)
    try:
        yield not at_once
    finally:
        if has_turn:
            turn.release()


def _read(
    deps: Dependencies, calls: GuardedCalls, row: Appointment, began_at: datetime, *, stranger: bool
) -> EventType:
    before = known(deps, row)
    facts = _facts(calls, row, before)
    shown = ShownType(policy_kind=EventKind.UNKNOWN)
    if facts is None and before is not None and (before.deleted or before.policy_kind is not EventKind.UNKNOWN):
        return before if before.deleted else replace(before, **{**asdict(shown), "calcom_id": before.calcom_id})
    if facts is not None:
        me = user(deps, calls)
        # If the user's address has changed since the list was read, his own bookings look like a stranger's.
        stranger = stranger and facts.personal and me == user(deps, calls, again=True)
        shown = ShownType(
            policy_kind=facts.kind,
            confirms_free_email=_confirms_free_email(calls, facts),
            personal=facts.personal,
            sight=me is not None and facts.has_sight(me.user_id, stranger=stranger),
            seats=facts.seats,
            occurrences=facts.occurrences,
            length_minutes=facts.length_minutes,
            rescheduling_disabled=facts.rescheduling_disabled,
            calcom_id=facts.calcom_id,
        )
    with deps.engine.begin() as conn:
        return event_types.keep(
            conn, deps.calcom.key_fingerprint, row.event_type, shown, account=row.account_id, asked_at=began_at
        )


def recent(deps: Dependencies, calls: GuardedCalls, row: Appointment) -> EventType:
    """Return what was stored within a day, else ask Cal.com.

    Raises:
        NotAskedError: Cal.com gave no answer.
    """
    before = known(deps, row)
    return before if before is not None and before.fresh and not before.deleted else ask(deps, calls, row)


def learn_id(deps: Dependencies, row: Appointment, number: int | None) -> None:
    """Store the number of a team's type that is named by its slug, once in each process: only a booking shows it.

    An error of the database is ignored: the booking is written next, and the next 201 shows the number again.
    """
    what = (deps.calcom.key_fingerprint, row.event_type)
    if number is None or row.team_slug is None or row.event_type_id is not None or _learnt.get(what) == number:
        return
    with suppress(SQLAlchemyError):
        with deps.engine.begin() as conn:
            event_types.learn_id(conn, *what, number, account=row.account_id)
        _learnt[what] = number


def was_here(deps: Dependencies, row: Appointment) -> bool:
    """Return whether the row's event type was ever booked with its account, or read by any key of that."""
    with deps.autocommit.connect() as conn:
        return event_types.was_here(conn, row.event_type, account=row.account_id)


def deleted(deps: Dependencies, row: Appointment) -> None:
    """Store that Cal.com has deleted the row's event type; the stored sight still counts."""
    with deps.engine.begin() as conn:
        event_types.mark_deleted(conn, deps.calcom.key_fingerprint, row.event_type, account=row.account_id)


def _facts(calls: GuardedCalls, row: Appointment, before: EventType | None) -> EventTypeFacts | None:
    """Return what Cal.com shows of the type now; None: this key may not read it, or its number is not known."""
    number = row.event_type_id or (before.calcom_id if before is not None else None)
    if row.username is not None and row.event_type_slug is not None:  # every key may read a user's type by its name
        query: dict[str, str | int] = {"username": row.username, "eventSlug": row.event_type_slug}
        if row.organization_slug is not None:
            query["orgSlug"] = row.organization_slug
        facts = read_event_types(calls.event_types(query), row.event_type_slug)
    elif number is not None:
        facts = read_event_type(calls.event_type(number))
    else:  # a team's type by its slug: a 201 or a list will show its number
        return None
    if isinstance(facts, Reply):
        if _is_hidden(facts):
            return None
        raise NotAskedError(facts)
    return facts


def _confirms_free_email(calls: GuardedCalls, facts: EventTypeFacts) -> bool | None:
    """Return whether the type asks its host to confirm bookings of free e-mail addresses.

    Only an older version of the API shows that. None: this key is never shown that, or the answer would change nothing.

    Raises:
        NotAskedError: Cal.com gave no answer now.
    """
    if facts.kind is EventKind.OTHER:
        return None
    shown = read_free_email(calls.own_event_types(), facts.calcom_id)
    if not isinstance(shown, Reply):
        return shown
    if shown.kind is ReplyKind.REFUSED or _is_hidden(shown):
        return None
    raise NotAskedError(shown)


def _is_hidden(reply: Reply) -> bool:
    """Return whether Cal.com refuses to show the type to this key, or has no such call in its version."""
    if reply.http_status not in {403, 404}:
        return False
    return reply.kind is ReplyKind.REFUSED or reply.message.startswith(("PermissionsGuard", "Cannot GET"))

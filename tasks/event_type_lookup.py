"""Ask Cal.com what an event type is, and whether our key is shown all of its bookings (docs/calcom.md, "Sight").

Asked when it is first needed, so that a healthy day costs no call, and kept for a day; asked again right before what it
allows is done, for confirmation is switched and keys lose their rights.
"""

from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from db.appointments import event_types
from db.appointments.appointment import Appointment
from db.appointments.event_types import EventKind, EventType, ShownType
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
from tasks.guarded_calls import GuardedCalls, NotNow


class NotAskedError(Exception):
    """Say that Cal.com did not tell; `reply` is what it answered."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message or reply.error_type.value)
        self.reply = reply


_users: dict[str, Me] = {}  # by settings: whose a key is never changes
_learnt: dict[tuple[str, str], int] = {}  # the number that was written down, by key and event type


def known(deps: Dependencies, row: Appointment) -> EventType | None:
    """Return what today's key was told of the row's event type, however long ago; None: it has never asked."""
    with deps.autocommit.connect() as conn:
        return event_types.known(conn, deps.calcom.key_fingerprint, row.event_type)


def user(deps: Dependencies, calls: GuardedCalls, *, again: bool = False) -> Me | None:
    """Return whose our key is, asked once a process, or now if `again`; None when Cal.com does not tell now."""
    settings = deps.calcom.settings_fingerprint
    if again or settings not in _users:
        try:
            me = read_me(calls.me())
        except NotNow as no:
            if not no.lookups_only:
                raise
            return None  # only this endpoint is shut: what a list shows is worth knowing without it
        if isinstance(me, Reply):
            return None
        _users[settings] = me
    return _users[settings]


def ask(deps: Dependencies, calls: GuardedCalls, row: Appointment, *, stranger: bool = False) -> EventType:
    """Ask now, and keep what is told; `stranger`: a list has just shown this key what its user takes no part in.

    A type that was deleted stays what it was until there is one again. One that this key may not read, or whose number
    nothing has told yet, is of unknown kind.

    Raises:
        NotAskedError: Cal.com did not tell.
    """
    before = known(deps, row)
    facts = _facts(calls, row, before)
    if facts is None and before is not None and before.deleted:
        return before
    shown = ShownType(policy_kind=EventKind.UNKNOWN)
    if facts is not None:
        me = user(deps, calls)
        # An address that has changed since the list was read would make its user's own bookings a stranger's.
        stranger = stranger and facts.personal and me == user(deps, calls, again=True)
        shown = ShownType(
            policy_kind=facts.kind,
            confirms_free_email=_confirms_free_email(calls, facts),
            personal=facts.personal,
            sight=me is not None and facts.has_sight(me.user_id, stranger=stranger),
            seats=facts.seats,
            occurrences=facts.occurrences,
            length_minutes=facts.length_minutes,
            calcom_id=facts.calcom_id,
        )
    with deps.engine.begin() as conn:
        return event_types.keep(conn, deps.calcom.key_fingerprint, row.event_type, shown)


def recent(deps: Dependencies, calls: GuardedCalls, row: Appointment) -> EventType:
    """Return what was told within a day, else ask.

    Raises:
        NotAskedError: Cal.com did not tell.
    """
    before = known(deps, row)
    return before if before is not None and before.fresh and not before.deleted else ask(deps, calls, row)


def learn_id(deps: Dependencies, row: Appointment, number: int | None) -> None:
    """Keep the number of a team's type that is named by its slug, once a process: nothing else tells it.

    A database that fails now costs nothing: what was booked is to be written next, and the next 201 tells it again.
    """
    what = (deps.calcom.key_fingerprint, row.event_type)
    if number is None or row.team_slug is None or row.event_type_id is not None or _learnt.get(what) == number:
        return
    with suppress(SQLAlchemyError):
        with deps.engine.begin() as conn:
            event_types.learn_id(conn, *what, number)
        _learnt[what] = number


def was_here(deps: Dependencies, row: Appointment) -> bool:
    """Return whether the row's event type was booked here, or read by any key: what is missing now was there."""
    with deps.autocommit.connect() as conn:
        return event_types.was_here(conn, row.event_type)


def deleted(deps: Dependencies, row: Appointment) -> None:
    """Record that Cal.com has the row's event type no more; the sight from before still counts."""
    with deps.engine.begin() as conn:
        event_types.mark_deleted(conn, deps.calcom.key_fingerprint, row.event_type)


def _facts(calls: GuardedCalls, row: Appointment, before: EventType | None) -> EventTypeFacts | None:
    """Return what Cal.com shows of the type now; None when it shows this key nothing, or nobody knows what to ask."""
    number = row.event_type_id or (before.calcom_id if before is not None else None)
    if row.username is not None and row.event_type_slug is not None:  # by name it is shown to everybody
        query: dict[str, str | int] = {"username": row.username, "eventSlug": row.event_type_slug}
        if row.organization_slug is not None:
            query["orgSlug"] = row.organization_slug
        facts = read_event_types(calls.event_types(query), row.event_type_slug)
    elif number is not None:
        facts = read_event_type(calls.event_type(number))
    else:  # a team's type by its slug: its number comes with a 201, or with a list
        return None
    if isinstance(facts, Reply):
        if _is_hidden(facts):
            return None
        raise NotAskedError(facts)
    return facts


def _confirms_free_email(calls: GuardedCalls, facts: EventTypeFacts) -> bool | None:
    """Return what only an older version of the API shows; None when it is not told, for good, or changes nothing.

    Raises:
        NotAskedError: Cal.com did not tell now.
    """
    if facts.kind is EventKind.OTHER:
        return None
    told = read_free_email(calls.own_event_types(), facts.calcom_id)
    if not isinstance(told, Reply):
        return told
    if told.kind is ReplyKind.REFUSED or _is_hidden(told):
        return None
    raise NotAskedError(told)


def _is_hidden(reply: Reply) -> bool:
    """Say whether Cal.com itself refuses to show the type: to this key, or in a version that has no such call."""
    if reply.http_status not in {403, 404}:
        return False
    return reply.kind is ReplyKind.REFUSED or reply.message.startswith(("PermissionsGuard", "Cannot GET"))

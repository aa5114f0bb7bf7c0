"""Ask Cal.com what an event type is, and whether our key is shown all of its bookings (docs/calcom.md, "Sight").

Asked when it is first needed, so that a healthy day costs no call, and kept for a day; asked again right before what it
allows is done, for hosts leave teams and keys lose their rights.
"""

from contextlib import suppress
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from db import event_types
from db.appointment import Appointment
from db.event_types import EventKind, EventType
from tasks.calcom.answer import Answer, NoAnswer
from tasks.calcom.event_types import EventTypeFacts, Me, read_event_type, read_event_types, read_me
from tasks.calcom.look import Query
from tasks.calcom.meaning import Meaning, Reply
from tasks.parts import Parts


class TypeReads(Protocol):
    """Describe what is asked of a client about event types."""

    def event_type(self, calcom_id: int, /) -> Answer | NoAnswer:
        """GET /v2/event-types/{id}."""

    def event_types(self, params: Query, /) -> Answer | NoAnswer:
        """GET /v2/event-types."""

    def me(self) -> Answer | NoAnswer:
        """GET /v2/me."""


class NotAskedError(Exception):
    """Say that Cal.com did not tell; `reply` is what it answered."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message or reply.error_type.value)
        self.reply = reply


_users: dict[str, Me] = {}  # by settings: whose a key is never changes
_learnt: set[tuple[str, str]] = set()  # event types whose number was written down, by key


def known(parts: Parts, row: Appointment) -> EventType | None:
    """Return what today's key was told of the row's event type, however long ago; None: it has never asked."""
    with parts.engine.connect() as conn:
        return event_types.known(conn, parts.calcom.key_fingerprint, row.event_type)


def user(parts: Parts, calls: TypeReads) -> Me | None:
    """Return whose our key is, asked once a process; None when Cal.com does not tell now."""
    settings = parts.calcom.settings_fingerprint
    if settings not in _users:
        told = read_me(calls.me())
        if isinstance(told, Reply):
            return None
        _users[settings] = told
    return _users[settings]


def ask(parts: Parts, calls: TypeReads, row: Appointment, *, sight: bool = False) -> EventType:
    """Ask now, and keep what is told; `sight`: a list has just shown this key what its user takes no part in.

    A type that was deleted stays what it was. One that this key may not read (404), or whose number nothing has told
    yet, is of unknown kind.

    Raises:
        NotAskedError: Cal.com did not tell.
    """
    before = known(parts, row)
    if before is not None and before.deleted:
        return before
    facts = _facts(calls, row, before)
    me = None if facts is None else user(parts, calls)
    with parts.engine.begin() as conn:
        return event_types.keep(
            conn,
            parts.calcom.key_fingerprint,
            row.event_type,
            kind=EventKind.UNKNOWN if facts is None else facts.kind,
            sight=sight or (facts is not None and me is not None and facts.sees_all(me.user_id)),
            seats=facts is not None and facts.seats,
            occurrences=None if facts is None else facts.occurrences,
            calcom_id=None if facts is None else facts.calcom_id,
        )


def recent(parts: Parts, calls: TypeReads, row: Appointment) -> EventType:
    """Return what was told within a day, else ask.

    Raises:
        NotAskedError: Cal.com did not tell.
    """
    before = known(parts, row)
    return before if before is not None and before.fresh else ask(parts, calls, row)


def learn_id(parts: Parts, row: Appointment, number: int | None) -> None:
    """Keep the number of a team's type that is named by its slug, once a process: nothing else tells it.

    A database that fails now costs nothing: what was booked is to be written next, and the next 201 tells it again.
    """
    what = (parts.calcom.key_fingerprint, row.event_type)
    if number is None or row.team_slug is None or row.event_type_id is not None or what in _learnt:
        return
    with suppress(SQLAlchemyError):
        with parts.engine.begin() as conn:
            event_types.learn_id(conn, *what, number)
        _learnt.add(what)


def deleted(parts: Parts, row: Appointment) -> None:
    """Record that Cal.com has the row's event type no more; the sight from before still counts."""
    with parts.engine.begin() as conn:
        event_types.mark_deleted(conn, parts.calcom.key_fingerprint, row.event_type)


def _facts(calls: TypeReads, row: Appointment, before: EventType | None) -> EventTypeFacts | None:
    number = row.event_type_id or (before.calcom_id if before is not None else None)
    if row.username is not None and row.event_type_slug is not None and number is None:
        told = read_event_types(
            calls.event_types({"username": row.username, "eventSlug": row.event_type_slug}), row.event_type_slug
        )
    elif number is not None:
        told = read_event_type(calls.event_type(number))
    else:  # a team's type by its slug: its number comes with a 201, or with a list
        return None
    if isinstance(told, Reply):
        if told.meaning is Meaning.REFUSED and told.http_status == 404:
            return None
        raise NotAskedError(told)
    return told

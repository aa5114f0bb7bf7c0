"""Forget a person: what is over is replaced for good; what lives stays, and is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from booking_client.request import fields
from db import personal
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from db.personal import PersonalBooking
from tasks import dependencies

_LEAST = 5  # characters of a name that is looked for in orders: a shorter one is in other words, too
_LEAST_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to forget: one of the three is given."""

    email: str | None = None
    phone: str | None = None
    booking: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Person":
        """Read an e-mail address, a number that begins with +, or a booking's id.

        Raises:
            ValueError: It is none of them.
        """
        text = text.strip()
        if text.isascii() and text.isdigit():
            return cls(booking=int(text))
        return cls(phone=fields.phone(text)) if text.startswith("+") else cls(email=fields.email(text))


class AtCalcom(NamedTuple):
    """A booking that Cal.com has or had, under its uid there; `start` None: the record does not say it."""

    booking: int
    uid: str
    start: datetime | None


@dataclass(frozen=True, slots=True)
class ForgetResult:
    """What was found of a person; `living` are the ids of those that stay. No name leads to `at_calcom` afterwards.

    `same_number` has the ended bookings of other addresses that have a number of the person's, by that number.
    """

    own: int
    as_guest: int
    living: Sequence[int]
    at_calcom: Sequence[AtCalcom]
    same_number: Mapping[str, Sequence[int]] = field(default_factory=dict)


def look(person: Person) -> ForgetResult:
    """Return what there is of a person; nothing is changed."""
    with dependencies.current().engine.connect() as conn:
        found = _found(conn, personal.find(conn, email=person.email, phone=person.phone, booking=person.booking))
        conn.rollback()
    return found


def forget(asked: ActionRequest, person: Person) -> ForgetResult:
    """Replace what is of a person in bookings that are over; on record without the person."""
    with dependencies.current().engine.begin() as conn:
        bookings = personal.find(conn, email=person.email, phone=person.phone, booking=person.booking)
        found = _found(conn, bookings)
        own = [one for one in bookings if one.is_own and one.is_over]
        ids = [one.id for one in own]
        words = _words(person, own)
        also_named = personal.find(conn, words=[*{*words} - {person.email, person.phone}])
        personal.forget(conn, ids, {one.uid for one in found.at_calcom if one.booking in set(ids)})
        personal.forget_words(
            conn,
            words,
            _names(own),
            own=own,
            guest_of=[one.id for one in bookings if one.is_over and not one.is_own],
            kept=[*found.living, *(one.id for one in also_named if not one.is_over)],
        )
        asked = replace(asked, ids=tuple(ids))
        operator_actions.record(conn, asked, "forgotten", bookings=len(ids))
    return found


def _found(conn: Connection, bookings: Sequence[PersonalBooking]) -> ForgetResult:
    bookings = [one for one in bookings if not one.is_forgotten]
    over = [one for one in bookings if one.is_over]
    return ForgetResult(
        own=sum(one.is_own for one in over),
        as_guest=sum(not one.is_own for one in over),
        living=[one.id for one in bookings if not one.is_over],
        at_calcom=[AtCalcom(one.booking, one.uid, one.start) for one in _uids(conn, bookings)],
        same_number=_same_number(conn, bookings),
    )


def _uids(conn: Connection, bookings: Sequence[PersonalBooking]) -> list[personal.PersonalUid]:
    """Return the uids of the person's own bookings, and of others' that name the person the present ones."""
    others = [one for one in bookings if not one.is_own and one.uid is not None]
    named = [personal.PersonalUid(one.id, one.uid, one.start, 0) for one in others if one.uid is not None]
    return [*personal.uids(conn, [one.id for one in bookings if one.is_own]), *named]


def _same_number(conn: Connection, bookings: Sequence[PersonalBooking]) -> dict[str, list[int]]:
    """Return the ended bookings that have a number of the person's own bookings, and are not found by the address."""
    known, same = {one.id for one in bookings}, {}
    for number in sorted({one.phone for one in bookings if one.is_own and one.phone}):
        theirs = [one for one in personal.find(conn, phone=number) if one.is_own and one.is_over]
        if ids := [one.id for one in theirs if one.id not in known and not one.is_forgotten]:
            same[number] = ids
    return same


def _words(person: Person, own: Sequence[PersonalBooking]) -> list[str]:
    """Return what is looked for everywhere; of a booking that was given by its id nothing is."""
    if person.booking is not None:
        return []
    known = {person.email, person.phone, *(word for one in own for word in (one.email, one.phone))}
    words = {word for word in known if word and word != personal.FORGOTTEN}
    digits = {word.removeprefix("+") for word in words if word.startswith("+") and len(word) > _LEAST_DIGITS}
    return sorted(words | digits)


def _names(own: Sequence[PersonalBooking]) -> list[str]:
    """Return what is looked for in orders, and in the events of these bookings."""
    known = {word for one in own for word in (one.name, one.email, one.phone)}
    return sorted(word for word in known if word and len(word) >= _LEAST and word != personal.FORGOTTEN)

"""What the caller of a booking may see of it: how it stands, where it is, and in whose time zone and language."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import Connection, Text, and_, cast, func, literal, select

from booking_client.database.statements import load
from booking_client.insertion import AHEAD, stored_key
from booking_client.receipts import Receipt
from booking_client.request.model import BookingRequest
from booking_client.states import FINAL, HELD_BY
from db.connection import fetch
from db.lifecycle import SHORT_HOLDS, HoldReason, Status
from db.models.bookings import appointments
from db.models.calcom import calcom_event_types
from db.sql import prepared

MOST_WALKED = 1_000  # rows of a key that one page looks at, whatever its filters
BIGGEST_ID = 2**63 - 1
BookingName = int | UUID  # its id, or its reference, which counts nothing

_COLUMNS = (
    f"id, api_key_id, status, {HELD_BY} AS hold_reason, hold_reason AS waits_for, error_type, start_at,"
    " booked_start_at, awaits_host, attendee_time_zone, attendee_language, requested_at, calcom_booking_uid,"
    f" event_type_id, CAST(uuid AS text) AS reference, {AHEAD}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingView:
    """Hold how a booking stands; nothing in it names a person."""

    id: int
    api_key_id: int | None
    status: Status
    hold_reason: HoldReason | None
    error_type: str | None
    start: datetime
    awaits_host: bool | None
    time_zone: str
    language: str | None
    requested_at: datetime | None
    event_type_id: int | None
    reference: str | None = None  # the id that counts nothing
    waits_for: HoldReason | None = None  # if it is in line: why those before it are held
    ahead: int = 0  # who asked for its time before, and may still get it, where one may have it
    uid: str | None = field(default=None, repr=False)  # its holder may cancel the booking at Cal.com

    @property
    def final(self) -> bool:
        """Return whether the booking will not move by itself any more."""
        return self.status in FINAL

    @property
    def is_worth_waiting(self) -> bool:
        """Return whether it may settle soon: one that is held for longer than a moment will not."""
        return not self.final and (self.status is not Status.HELD or self.cause in SHORT_HOLDS)

    @property
    def cause(self) -> HoldReason | None:
        """Return why it is held, and of one in line why those before it are; None: it is not held."""
        return self.waits_for or self.hold_reason

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """Read a row of the columns above."""
        number, key, status, reason, waits_for, error, start, booked_start, awaits_host, zone, language, *rest = row
        requested_at, uid, event_type, reference, ahead = rest
        return cls(
            id=number,
            api_key_id=key,
            status=Status(status),
            hold_reason=None if reason is None else HoldReason(reason),
            waits_for=None if waits_for is None else HoldReason(waits_for),
            error_type=error,
            start=booked_start or start,
            awaits_host=awaits_host,
            time_zone=zone,
            language=language,
            requested_at=requested_at,
            event_type_id=event_type,
            reference=reference,
            ahead=ahead,
            uid=uid,
        )

    @classmethod
    def of(cls, receipt: Receipt, request: BookingRequest, api_key_id: int) -> Self:
        """Return the view of a request's booking by its receipt, which costs no statement."""
        return cls(
            id=receipt.appointment_id,
            api_key_id=api_key_id,
            status=receipt.status,
            hold_reason=receipt.hold_reason,
            waits_for=receipt.waits_for,
            error_type=None,
            start=receipt.start,
            awaits_host=receipt.awaits_host,
            time_zone=request.attendee.time_zone,
            language=request.attendee.language,
            requested_at=receipt.requested_at,
            event_type_id=request.event_type_id,
            reference=receipt.reference,
            ahead=receipt.ahead,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFilters:
    """Say which of a key's bookings a page has: with an id below `below`, that start in a period; None: any."""

    statuses: Sequence[str] | None = None
    event_type: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    below: int | None = None
    limit: int


class OwnPage(NamedTuple):
    """Hold a page of bookings, the newest first, and below which id the next one goes on; None: it is the last one."""

    views: list[BookingView]
    below: int | None


def by_ids(
    conn: Connection, ids: Collection[int], *, of_key: int | None, account: int | None = None
) -> list[BookingView]:
    """Read the bookings of these ids that an API key asked for (`of_key` None: any key, or none), of an account."""
    return _read(conn, "views_by_id", {"ids": list(ids), "api_key": of_key, "account": account})


def seen_by(conn: Connection, asked: Sequence[tuple[int | None, int, BookingName]]) -> list[BookingView | None]:
    """Read named bookings, each as somebody sees it who sees those of one API key (None: of any), and of an account.

    In the same order. None: there is none of this name that the one who asks may see. One statement serves all who see
    those of one key, another one all of an account.
    """
    ids = _ids_of(conn, [named for _, _, named in asked])
    wanted = [(of_key, account if of_key is None else None, ids.get(named)) for of_key, account, named in asked]
    read: dict[tuple[int | None, int], BookingView] = {}
    for account in {account for _, account, number in wanted if number is not None}:
        some = {number for _, of, number in wanted if of == account and number is not None}
        read |= {(account, view.id): view for view in by_ids(conn, some, of_key=None, account=account)}
    told = [None if number is None else read.get((account, number)) for _, account, number in wanted]
    return [
        view if view is not None and of_key in {None, view.api_key_id} else None
        for view, (of_key, _, _) in zip(told, wanted, strict=True)
    ]


def id_of(conn: Connection, named: BookingName) -> int | None:
    """Return the id of the booking that is named; None: none has this uuid."""
    return _ids_of(conn, [named]).get(named)


def _ids_of(conn: Connection, names: Collection[BookingName]) -> dict[BookingName, int]:
    """Return the ids of the bookings that are named; one whose uuid nothing has is missing."""
    ids: dict[BookingName, int] = {named: named for named in names if isinstance(named, int)}
    if uuids := [named for named in names if not isinstance(named, int)]:
        found = select(appointments.c.uuid, appointments.c.id).where(appointments.c.uuid.in_(uuids))
        ids |= {row.uuid: row.id for row in conn.execute(found)}
    return ids


def by_key(conn: Connection, key: str, api_key_id: int, account: str | None) -> BookingView | None:
    """Read the newest booking of an account that its API key asked for with an idempotency key."""
    found = fetch(conn, load("find_by_key", None, _COLUMNS), {"key": stored_key(key, api_key_id), "account": account})
    return BookingView.read(found[0]) if found else None


def by_keys(conn: Connection, keys: Collection[str], api_key_id: int) -> list[BookingView]:
    """Read the bookings that an API key asked for with these given keys, the oldest first."""
    stored = [stored_key(key, api_key_id) for key in keys]
    return _read(conn, "views_by_keys", {"keys": stored, "api_key": api_key_id})


def known_keys(conn: Connection, keys: Collection[str], api_key_id: int) -> set[str]:
    """Return which of these given keys the bookings of an API key have."""
    given = {stored_key(key, api_key_id): key for key in keys}
    one = appointments.c.idempotency_key
    return {given[stored] for stored in conn.execute(select(one).where(one.in_(given))).scalars()}


def of_person(
    conn: Connection,
    *,
    email: str | None,
    phone: str | None,
    starts: tuple[datetime, datetime],
    of_key: int | None,
    account: int,
    limit: int,
    moved_too: bool = False,
) -> list[BookingView]:
    """Read an account's bookings of an e-mail address or a number that start in a period, the earliest first.

    Only bookings that came by an API key: `of_key`'s, or any one's (None). `moved_too`: also those that were asked for
    in this period, and have been moved since.
    """
    asked = {"email": email, "phone": phone, "starts": starts[0], "ends": starts[1], "moved_too": moved_too}
    return _read(conn, "views_of_person", {**asked, "api_key": of_key, "account": account, "limit": limit})


def of_key(conn: Connection, api_key_id: int, filters: OwnFilters) -> OwnPage:
    """Read a page of the bookings that an API key has asked for; it looks at MOST_WALKED at most, and may have none."""
    asked = asdict(filters) | {"below": filters.below or BIGGEST_ID, "api_key": api_key_id, "most": MOST_WALKED}
    rows = fetch(conn, prepared("views_of_key", _COLUMNS), asked)
    views = [BookingView.read(row[:-1]) for row in rows if row[0] is not None]
    return OwnPage(views, views[-1].id if len(views) == filters.limit else rows[0][-1])


def minutes(conn: Connection, appointment_id: int) -> int | None:
    """Read how long a booking is, by its request, else as Cal.com has shown its event type last; None: not known."""
    types = calcom_event_types.c
    is_type = and_(
        types.event_type == cast(appointments.c.event_type_id, Text), types.account_id == appointments.c.account_id
    )
    shown = select(types.length_minutes).where(is_type, types.length_minutes.is_not(None))
    of_type = shown.order_by(types.asked_at.desc()).limit(1).correlate(appointments).scalar_subquery()
    known = func.coalesce(appointments.c.length_in_minutes, of_type)
    return conn.execute(select(known).where(appointments.c.id == appointment_id)).scalar()


def count_held(conn: Connection, api_key_id: int | None, most: int) -> int:
    """Count the held bookings of an API key, or of all (None), `most` of them at most."""
    held = select(literal(1)).where(appointments.c.status == Status.HELD)
    if api_key_id is not None:
        held = held.where(appointments.c.api_key_id == api_key_id)
    return int(conn.execute(select(func.count()).select_from(held.limit(most).subquery())).scalar_one())


def _read(conn: Connection, name: str, asked: dict[str, Any]) -> list[BookingView]:
    return [BookingView.read(row) for row in fetch(conn, prepared(name, _COLUMNS), asked)]

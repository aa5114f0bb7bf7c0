"""Event types as Cal.com shows them to a key: the kind, and whether the list shows this key all bookings of it.

Stored for a day for each key and type, so that a plain booking costs no call for it.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select
from sqlalchemy.dialects.postgresql import Insert, insert

from booking_client.states import DEFAULT_ACCOUNT
from db.appointments.appointment import Appointment
from db.event_kind import EventKind, if_confirmed
from db.models.calcom import calcom_event_types as _types
from db.sql import statement

_columns = _types.c
_KEY = ("key_fingerprint", "event_type")
_NEVER = datetime.fromtimestamp(0, UTC)  # of a row whose kind and sight nobody has asked for


@dataclass(frozen=True, kw_only=True)
class ShownType:
    """What Cal.com shows a key of an event type.

    `policy_kind` is the kind by the confirmation policy alone, `confirms_free_email` what only an older version of the
    API shows (None: not told). `personal`: one user's own (None: not told). `length_minutes` is that of a booking which
    names none. `rescheduling_disabled`: Cal.com lets its own pages move no booking of it (None: not told).
    """

    policy_kind: EventKind
    confirms_free_email: bool | None = None
    personal: bool | None = None
    sight: bool = False
    seats: bool = False
    occurrences: int | None = None
    length_minutes: int | None = None
    rescheduling_disabled: bool | None = None
    calcom_id: int | None = None

    @property
    def kind(self) -> EventKind:
        """Return how Cal.com answers a second POST; a type that does not say it may confirm."""
        return self.policy_kind if self.confirms_free_email is False else if_confirmed(self.policy_kind)

    @property
    def confirms(self) -> bool:
        """Return whether it is certain that the host must confirm bookings, some or all."""
        return self.policy_kind is EventKind.CONFIRMATION or self.confirms_free_email is True

    @property
    def recurs(self) -> bool:
        """Return whether a booking of it is a series."""
        return self.occurrences is not None


@dataclass(frozen=True, kw_only=True)
class EventType(ShownType):
    """A row of `calcom_event_types`; `fresh`: asked within a day, by Postgres's clock. The reading began at `asked_at`.

    `kind_changed_at` is when any key was told last that the type is another than before.
    """

    key_fingerprint: str
    event_type: str
    deleted: bool
    asked_at: datetime
    kind_changed_at: datetime | None
    looked_at: datetime | None
    fresh: bool

    def kind_of(self, sent_at: datetime | None) -> EventKind:
        """Return the kind for a booking whose first POST of unknown outcome was sent then.

        OTHER where the type has changed since: Cal.com looks for the earlier booking by what the type is now.
        """
        changed = self.kind_changed_at
        return EventKind.OTHER if changed is not None and (sent_at is None or sent_at <= changed) else self.kind


def known(
    conn: Connection, key_fingerprint: str, event_type: str, *, account: int = DEFAULT_ACCOUNT
) -> EventType | None:
    """Return what this key of an account knows of an event type (`Appointment.event_type`), however long ago."""
    asked = select(*_read_columns(event_type, account)).where(
        _columns.key_fingerprint == key_fingerprint, _columns.event_type == event_type
    )
    row = conn.execute(asked).mappings().first()
    return None if row is None else EventType(**row)


def keep(
    conn: Connection,
    key_fingerprint: str,
    event_type: str,
    shown: ShownType,
    *,
    account: int = DEFAULT_ACCOUNT,
    asked_at: datetime | None = None,
) -> EventType:
    """Record what Cal.com has just shown; an id that is known already stays where none is given.

    `asked_at`: when the reading began, by Postgres's clock (None: now).
    """
    values = asdict(shown) | {"deleted": False, "account_id": account, "asked_at": asked_at or func.now()}
    values["kind"], calcom_id = values.pop("policy_kind"), values.pop("calcom_id")
    statement = _upsert(key_fingerprint, event_type, **values, calcom_id=calcom_id)
    now_too = {
        "calcom_id": func.coalesce(calcom_id, _columns.calcom_id),
        "kind_changed_at": case((_is_another(statement), func.now()), else_=_columns.kind_changed_at),
    }
    statement = statement.on_conflict_do_update(index_elements=_KEY, set_=values | now_too)
    return EventType(**conn.execute(statement.returning(*_read_columns(event_type, account))).mappings().one())


def learn_id(
    conn: Connection, key_fingerprint: str, event_type: str, calcom_id: int, *, account: int = DEFAULT_ACCOUNT
) -> None:
    """Record Cal.com's own number of an event type, as a 201 or a list tells it; kind and sight stay unasked."""
    _note(conn, key_fingerprint, event_type, calcom_id=calcom_id, account_id=account)


def mark_deleted(conn: Connection, key_fingerprint: str, event_type: str, *, account: int = DEFAULT_ACCOUNT) -> None:
    """Record that Cal.com has no such event type any more; what was known of it before still counts."""
    _note(conn, key_fingerprint, event_type, deleted=True, account_id=account)


def confirmed(conn: Connection, *, account: int = DEFAULT_ACCOUNT) -> list[Appointment]:
    """Return the latest confirmed booking of each event type (`Appointment.event_type`) of an account."""
    found = conn.execute(statement("confirmed_types"), {"account": account})
    return [Appointment.of(row) for row in found.mappings()]


def was_here(conn: Connection, event_type: str, *, account: int = DEFAULT_ACCOUNT) -> bool:
    """Return whether an account's Cal.com was ever seen to have this event type, with whatever key of its own."""
    asked = {"account": account, "event_type": event_type}
    return bool(conn.execute(statement("known_type"), asked).scalar_one())


def _note(conn: Connection, key_fingerprint: str, event_type: str, **values: Any) -> None:
    unasked = {"kind": EventKind.UNKNOWN, "sight": False, "seats": False, "asked_at": _NEVER}
    statement = _upsert(key_fingerprint, event_type, **unasked, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=values))


def _upsert(key_fingerprint: str, event_type: str, **values: Any) -> Insert:
    return insert(_types).values(key_fingerprint=key_fingerprint, event_type=event_type, **values)


def _is_another(told: Insert) -> ColumnElement[bool]:
    """Return whether a type differs from what this key was shown before; fields not shown then are not compared.

    A type that Cal.com no longer shows to this key differs: its hosts or the key's rights were changed, and the next
    answer cannot be compared with it. An answer that failed is not stored, and changes nothing.
    """
    new = told.excluded
    confirms = _columns.confirms_free_email
    return or_(
        and_(_columns.kind != EventKind.UNKNOWN, _columns.kind != new.kind),
        and_(confirms.is_not(None), confirms.is_distinct_from(new.confirms_free_email)),
    )


def _read_columns(event_type: str, account: int) -> tuple[ColumnElement[Any], ...]:
    """Return the columns of an EventType; that the type has changed counts for every key of the account.

    The type is given by its name: SQLAlchemy does not correlate what is read after RETURNING.
    """
    others = _types.alias("of_any_key")
    of_type = select(func.max(others.c.kind_changed_at)).where(others.c.event_type == event_type)
    changed = of_type.where(others.c.account_id == account)
    return (
        *(column for column in _columns if column.name not in {"kind", "kind_changed_at", "account_id"}),
        _columns.kind.label("policy_kind"),
        func.greatest(_columns.kind_changed_at, changed.scalar_subquery()).label("kind_changed_at"),
        (_columns.asked_at > func.now() - func.make_interval(0, 0, 0, 1)).label("fresh"),
    )

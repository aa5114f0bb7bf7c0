"""The rows of API keys: added, rotated, revoked, and looked up by the hash that a caller's key has."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from booking_client.states import DEFAULT_ACCOUNT
from db.models.api_keys import api_keys

OLD_KEY_LASTS = timedelta(days=1)  # how long the key before a rotation stays in force

_columns = api_keys.c
_ACCOUNT = case((_columns.account_id != DEFAULT_ACCOUNT, func.calcom_account_name(_columns.account_id)))
_SELECT = select(api_keys, _ACCOUNT.label("account"))


class Scope(StrEnum):
    """What a key may do."""

    BOOK = "book"  # ask for bookings
    READ = "read"  # ask how its bookings are
    CHANGE = "change"  # cancel and move its bookings
    VOICE = "voice"  # be named by a voice agent's address, which proves itself by its own secret
    FIND = "find"  # find its bookings by a person's e-mail address or number
    UID = "uid"  # read Cal.com's uid: a uid is enough to cancel at Cal.com
    REPORT = "report"  # see the page of its account, as a login of Flower's
    ALL = "all"  # see the bookings of its account that others asked for, too


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Hold a key as it is stored, without its secret and its hashes. It asks for bookings of one account."""

    id: int
    name: str
    handle: str
    scopes: frozenset[Scope]
    event_types: frozenset[int] | None
    rate: int
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    old_until: datetime | None = field(repr=False)
    callback_url: str | None = field(repr=False)  # who knows it may send to it
    callback_off_at: datetime | None
    allowed_callback_hosts: frozenset[str]  # that a request may name as its booking's own callback address
    secret_version: int
    account_id: int
    account: str | None  # the account's name in a request; None: `default`

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Read a row; a scope that this release does not know is ignored."""
        values = {column.name: row[column.name] for column in fields(cls)}
        types = row["event_types"]
        return cls(
            **values
            | {
                "scopes": frozenset(Scope(scope) for scope in row["scopes"] if scope in set(Scope)),
                "event_types": None if types is None else frozenset(types),
                "allowed_callback_hosts": frozenset(row["allowed_callback_hosts"] or ()),
            }
        )

    @property
    def sees_bookings_of(self) -> int | None:
        """Return the key whose bookings it sees: its own; None: all bookings of its account."""
        return None if Scope.ALL in self.scopes else self.id


def add(
    conn: Connection,
    name: str,
    handle: str,
    key_hash: bytes,
    *,
    scopes: Collection[Scope],
    event_types: Collection[int] | None,
    rate: int,
    account_id: int = DEFAULT_ACCOUNT,
) -> bool:
    """Store a new key of an account; False: another key, in force or revoked, has this name."""
    row = {"name": name, "handle": handle, "key_hash": key_hash, "scopes": sorted(scopes), "rate": rate}
    row["account_id"] = account_id
    row["event_types"] = None if event_types is None else sorted(event_types)
    written = insert(api_keys).values(row).on_conflict_do_nothing(index_elements=["name"])
    return conn.execute(written.returning(_columns.id)).first() is not None


def rotate(conn: Connection, name: str, key_hash: bytes) -> datetime | None:
    """Give a key a new secret, and return when the old one ends; None: no key in force has this name.

    The secret before the old one ends at once.
    """
    changed = update(api_keys).where(_columns.name == name, _columns.revoked_at.is_(None))
    changed = changed.values(old_hash=_columns.key_hash, old_until=func.now() + OLD_KEY_LASTS, key_hash=key_hash)
    ends: datetime | None = conn.execute(changed.returning(_columns.old_until)).scalar()
    return ends


def revoke(conn: Connection, name: str) -> int | None:
    """End a key and the one before its last rotation, and return its id; None: no key in force has this name."""
    ended = update(api_keys).where(_columns.name == name, _columns.revoked_at.is_(None))
    number: int | None = conn.execute(ended.values(revoked_at=func.now()).returning(_columns.id)).scalar()
    return number


def set_callback(conn: Connection, name: str, url: str | None) -> bool:
    """Set the callback address for bookings that the key asks for from now on; None: nowhere; False: no such key."""
    changed = update(api_keys).where(_columns.name == name, _columns.revoked_at.is_(None))
    return bool(conn.execute(changed.values(callback_url=url, callback_off_at=None)).rowcount)


def set_callback_hosts(conn: Connection, name: str, hosts: Collection[str]) -> bool:
    """Set the hosts that requests of a key may name as their own callback address; False: no such key."""
    changed = update(api_keys).where(_columns.name == name, _columns.revoked_at.is_(None))
    return bool(conn.execute(changed.values(allowed_callback_hosts=sorted(hosts) or None)).rowcount)


def renew_secret(conn: Connection, name: str) -> bool:
    """Have a key's callbacks signed by another secret from now on; False: no key in force has this name."""
    changed = update(api_keys).where(_columns.name == name, _columns.revoked_at.is_(None))
    return bool(conn.execute(changed.values(secret_version=_columns.secret_version + 1)).rowcount)


def named(conn: Connection, name: str) -> ApiKey | None:
    """Return the key of a name, in force or revoked; None: there is none."""
    row = conn.execute(_SELECT.where(_columns.name == name)).mappings().first()
    return None if row is None else ApiKey.of(row)


def every(conn: Connection) -> list[ApiKey]:
    """Return all keys, the revoked ones last."""
    order = _columns.revoked_at.is_not(None), _columns.name
    return [ApiKey.of(row) for row in conn.execute(_SELECT.order_by(*order)).mappings()]


def in_force(conn: Connection) -> int:
    """Return how many keys are in force."""
    query = select(func.count()).select_from(api_keys).where(_columns.revoked_at.is_(None))
    return int(conn.execute(query).scalar_one())


def by_hash(conn: Connection, key_hash: bytes) -> ApiKey | None:
    """Return the key in force that has this hash, and record that it is used, to the minute; None: there is none."""
    is_old = and_(_columns.old_hash == key_hash, _columns.old_until > func.now())
    return _used(conn, or_(_columns.key_hash == key_hash, is_old))


def by_handle(conn: Connection, handle: str) -> ApiKey | None:
    """Return the key in force that has this handle, and record its use as `by_hash` does; None: there is none."""
    return _used(conn, _columns.handle == handle)


def _used(conn: Connection, known: ColumnElement[bool]) -> ApiKey | None:
    minute = func.date_trunc("minute", func.now())
    is_due = case((_columns.last_used_at.is_(None), True), else_=_columns.last_used_at < minute)
    query = _SELECT.add_columns(is_due.label("is_due")).where(known, _columns.revoked_at.is_(None))
    row = conn.execute(query).mappings().first()
    if row is None:
        return None
    if row["is_due"]:
        conn.execute(update(api_keys).where(_columns.id == row["id"]).values(last_used_at=minute))
    return ApiKey.of(row)

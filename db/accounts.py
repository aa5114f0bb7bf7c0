"""The accounts at Cal.com: read, added and changed, each change with a new version, on the caller's connection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)

from booking_client.states import DEFAULT_ACCOUNT
from db.models.accounts import AccountPace, AccountState
from db.models.accounts import calcom_accounts as _accounts
from db.sql import statement

MOST_NEIGHBOURS = 3  # that are counted: of so many accounts failures open the breaker for all of a service
MOST_SERVICES = 100  # Cal.coms, by address
MOST_LOOKED_AT = 500  # accounts with bookings that live, in one reading of those that something holds
_columns = _accounts.c
_LOCK = 0x6163636F756E74  # "account"
_PACES = text("SELECT * FROM calcom_callers_at(CAST(:names AS text[]))")
_OPEN = _columns.state != literal_column("'closed'")


class NoSuchAccountError(LookupError):
    """Report that there is no account of this name or number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A row of `calcom_accounts`; `base_url` None: CALCOM_BASE_URL."""

    id: int
    name: str
    service: str
    base_url: str | None
    encrypted_key: str | None = field(repr=False)
    key_fingerprint: str | None
    calls_per_minute: int | None
    state: AccountState
    alone: bool
    neighbours: int
    version: int
    user_id: int | None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Read a row; columns that a newer migration added are passed over."""
        return cls(**{column.name: row[column.name] for column in fields(cls)})


def paces(conn: Connection, names: Collection[str]) -> dict[str, AccountPace]:
    """Return the pace of each of these accounts that is not closed, by name; a caller may ask, too."""
    rows = conn.execute(_PACES, {"names": list(names)}).mappings()
    return {row["name"]: AccountPace.of(row) for row in rows}


def state(conn: Connection, number: int) -> tuple[AccountState, int]:
    """Return the state of an account, and its version."""
    row = conn.execute(select(_columns.state, _columns.version).where(_columns.id == number)).first()
    if row is None:
        raise NoSuchAccountError(f"there is no account {number}")
    return row.state, row.version


def get(conn: Connection, number: int) -> Account:
    """Read an account by its number."""
    return _one(conn, _columns.id == number)


def named(conn: Connection, name: str, *, lock: bool = False) -> Account:
    """Read an account by its name; `lock`: no booking of it is written until the transaction ends."""
    return _one(conn, _columns.name == name, lock=lock)


def names(conn: Connection, numbers: Collection[int] | None = None) -> dict[int, str]:
    """Return the names of these accounts (None: of all); empty: `default` is the only one, and nobody need name it."""
    default = _accounts.alias("default")
    wanted: list[ColumnElement[bool]] = [exists().where(default.c.id == DEFAULT_ACCOUNT, ~default.c.alone)]
    if numbers is not None:
        wanted.append(_columns.id.in_(numbers))
    return {row.id: row.name for row in conn.execute(select(_columns.id, _columns.name).where(*wanted))}


def has_name(conn: Connection, name: str) -> bool:
    """Return whether an account has this name, or had it until it was closed."""
    return bool(conn.execute(select(exists().where(_columns.name == name))).scalar_one())


def is_open(conn: Connection, name: str) -> bool:
    """Return whether there is an account of this name that is not closed."""
    return bool(conn.execute(select(exists().where(_columns.name == name, _OPEN))).scalar_one())


def lock_open(conn: Connection, number: int) -> bool:
    """Return whether an account is open, and keep it so until the transaction ends; `default` always is."""
    if number == DEFAULT_ACCOUNT:
        return True
    kept = select(_columns.id).where(_columns.id == number, _OPEN).with_for_update(read=True, key_share=True)
    return conn.execute(kept).first() is not None


def listed(conn: Connection) -> list[Account]:
    """Read all accounts, by name; `default` is the first."""
    rows = conn.execute(select(_accounts).order_by(_columns.id != 1, _columns.name)).mappings()
    return [Account.of(row) for row in rows]


def lock_all(conn: Connection) -> None:
    """Let one account be added or closed at a time: how many there are of a service is a column of each."""
    conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def next_number(conn: Connection) -> int:
    """Return the number of the next account: its key is encrypted for it before its row is written."""
    sequence = func.pg_get_serial_sequence("calcom_accounts", "id")
    number: int = conn.execute(select(func.nextval(sequence))).scalar_one()
    return number


def add(conn: Connection, values: Mapping[str, Any]) -> Account:
    """Write an account, and count it as a neighbour of those of its service."""
    number: int = conn.execute(insert(_accounts).values(**values).returning(_columns.id)).scalar_one()
    _count_neighbours(conn)
    return get(conn, number)


def change(conn: Connection, number: int, **values: Any) -> Account:
    """Write columns of an account, with a new version."""
    changed = {**values, "version": _columns.version + 1, "updated_at": func.now()}
    written = update(_accounts).where(_columns.id == number).values(**changed).returning(_accounts)
    return Account.of(conn.execute(written).mappings().one())


def close(conn: Connection, account: Account) -> Account:
    """Wipe an account's key, and count it as a neighbour no more."""
    closed = change(conn, account.id, state=AccountState.CLOSED, encrypted_key=None)
    _count_neighbours(conn)
    return closed


def replace_cipher(conn: Connection, account: Account, encrypted: str) -> bool:
    """Write the same key, encrypted again; False: the account has another key by now."""
    same = _columns.id == account.id, _columns.encrypted_key == account.encrypted_key
    written = update(_accounts).where(*same).values(encrypted_key=encrypted, updated_at=func.now())
    return bool(conn.execute(written).rowcount)


def services(conn: Connection) -> dict[str, str | None]:
    """Return the services that accounts which are not closed have, each with its address; None: CALCOM_BASE_URL."""
    return {row.service: row.base_url for row in conn.execute(statement("services"))}


def service_of(conn: Connection, number: int) -> str:
    """Return the service of an account."""
    service: str = conn.execute(select(_columns.service).where(_columns.id == number)).scalar_one()
    return service


def service_of_row(conn: Connection, table: Table, number: int) -> str | None:
    """Return the service of the account of a booking, or of a change, by its number; None: there is no such row."""
    own = select(_columns.service).join(table, table.c.account_id == _columns.id).where(table.c.id == number)
    service: str | None = conn.execute(own).scalar_one_or_none()
    return service


def has_key(conn: Connection, service: str, fingerprint: str) -> str | None:
    """Return the name of the account that has this key at a service, and is not closed; None: there is none."""
    own = _columns.service == service, _columns.key_fingerprint == fingerprint, _OPEN
    found: str | None = conn.execute(select(_columns.name).where(*own)).scalar_one_or_none()
    return found


class HeldAccounts(NamedTuple):
    """Accounts by number, and the one behind which the next reading goes on; 0: from the first."""

    numbers: list[int]
    last: int


def held(conn: Connection, *, after: int, limit: int, most: int = MOST_LOOKED_AT) -> HeldAccounts:
    """Return accounts but `default` that a cause or their pause holds bookings of, `after` a number.

    At most `limit` of them, and at most `most` accounts are looked at.
    """
    rows = conn.execute(statement("accounts_held"), {"after": after, "limit": limit, "most": most}).all()
    numbers = [row.account_id for row in rows if not row.is_last]
    if len(numbers) == limit:
        return HeldAccounts(numbers, numbers[-1])
    return HeldAccounts(numbers, next((row.account_id for row in rows if row.is_last), 0))


def _one(conn: Connection, where: ColumnElement[bool], *, lock: bool = False) -> Account:
    query = select(_accounts).where(where)
    row = conn.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        raise NoSuchAccountError("there is no such account: `booking accounts list`")
    return Account.of(row)


def _count_neighbours(conn: Connection) -> None:
    """Write how many accounts each service has, and whether an account is alone, where that has changed."""
    conn.execute(statement("count_neighbours"), {"most": MOST_NEIGHBOURS})

"""Which accounts something of their own stops, since when, and how many of their bookings wait: read, never changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, exists, func, literal, select

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.models.accounts import AccountState
from db.models.accounts import calcom_accounts as _accounts
from db.queue import of_account
from db.queue.of_account import HeldOfClosed
from db.sql import statement

_others = _accounts.alias("others")

CAP = 1000
"""So many waiting bookings of an account are counted, of each index that has them."""
LISTED = 50
"""So many accounts are listed, and so many of one trouble."""
_MOST = 1000  # entries of an index that are read for a trouble
_CLOSED = 20  # closed accounts that are listed


class AccountTrouble(StrEnum):
    """What stops one account and no other; the worst is the first."""

    CLOSED = "closed"  # it is closed, and something of it is held
    UNREADABLE = "unreadable"  # no worker can decrypt its key
    REFUSED = "refused"  # Cal.com refuses its key
    CONFIGURATION = "configuration"  # its calls lead to no API of Cal.com, or its key lacks a right
    PAUSED = "paused"  # by an operator
    BREAKER = "breaker"  # its own breaker is not closed
    THROTTLED = "throttled"  # its limit is reached


FOR_A_PERSON = frozenset(
    {AccountTrouble.CLOSED, AccountTrouble.UNREADABLE, AccountTrouble.REFUSED, AccountTrouble.CONFIGURATION}
)
"""What somebody must end; the others end by themselves, or by the operator who began them."""


@dataclass(frozen=True, slots=True)
class TroubledAccount:
    """An account by its worst trouble; `since` None: it is paused, and nothing waits."""

    name: str
    trouble: AccountTrouble
    waiting: int
    """How many of its bookings are held by that, or behind; up to CAP."""
    since: datetime | None
    bookings: tuple[int, ...] = ()
    """Of a closed account: what its held bookings and changes are about."""

    @property
    def capped(self) -> bool:
        """Return whether more bookings may wait than are counted."""
        return self.waiting >= CAP


@dataclass(frozen=True, slots=True)
class TroubledService:
    """Another Cal.com than the settings', whose breaker is not closed by the record."""

    service: str
    base_url: str
    endpoint: str | None
    """The endpoint whose breaker it is; None: that of all endpoints together."""
    state: str
    since: datetime
    by: str | None
    why: str | None
    waiting: int
    """How many bookings of its accounts wait for it; up to CAP."""

    @property
    def capped(self) -> bool:
        """Return whether more bookings may wait than are counted."""
        return self.waiting >= CAP


@dataclass(frozen=True, slots=True)
class AccountTroubles:
    """The accounts of a fleet; empty: `default` is the only one."""

    accounts: tuple[TroubledAccount, ...] = ()
    """The worst of them first, and of one trouble the oldest."""
    counts: Mapping[AccountTrouble, int] = field(default_factory=dict)
    """How many accounts have a trouble as their worst, also those that are not listed."""
    states: Mapping[AccountState, int] = field(default_factory=dict)
    services: tuple[TroubledService, ...] = ()
    """The other Cal.coms whose breakers are not closed; the first is the one for which that is so the longest."""
    other_services: Mapping[str, str] = field(default_factory=dict)
    """The other Cal.coms than the settings' at which an account is that is not closed, each with its address."""

    @property
    def several(self) -> bool:
        """Return whether there is an account beside `default`."""
        return bool(self.states)

    def of(self, *troubles: AccountTrouble) -> Iterator[TroubledAccount]:
        """Yield the listed accounts that have one of these troubles."""
        return (one for one in self.accounts if one.trouble in troubles)

    def count(self, *troubles: AccountTrouble) -> int:
        """Return how many accounts have one of these troubles."""
        return sum(self.counts.get(one, 0) for one in troubles)


NO_TROUBLE = AccountTroubles()


def read(
    conn: Connection, service: str, *, unreadable: str, missing_type: str, create: str, of_each: int = LISTED
) -> AccountTroubles:
    """Read the accounts that something of their own stops, `of_each` trouble at most so many, and what stops others.

    `service` is the settings' Cal.com, `create` the endpoint that makes bookings. `unreadable`: what bookings are held
    for whose key cannot be decrypted; `missing_type`: the error type of those whose event type is gone, which is no
    matter of the account. Where `default` is alone, and no account was ever closed, this costs one row.
    """
    any_closed = exists(select(literal(1)).select_from(_others).where(_others.c.state == AccountState.CLOSED))
    default = conn.execute(select(_accounts.c.alone, any_closed).where(_accounts.c.id == DEFAULT_ACCOUNT)).one_or_none()
    alone, ever_closed = (True, False) if default is None else default
    closed = of_account.held_of_closed(conn, cap=CAP) if ever_closed else []
    if alone:
        return AccountTroubles(*_closed(closed)) if closed else NO_TROUBLE
    asked = {
        "unreadable": unreadable,
        "missing_type": missing_type,
        "of_each": of_each,
        "of_all": LISTED - min(len(closed), _CLOSED),
        "most": _MOST,
        "cap": CAP,
    }
    rows = conn.execute(statement("accounts_in_trouble"), asked).all()
    elsewhere = {name: url for name, url in accounts.services(conn).items() if name != service and url is not None}
    states = conn.execute(select(_accounts.c.state, func.count()).group_by(_accounts.c.state)).all()
    first, counts = _closed(closed)
    others = tuple(
        TroubledAccount(name, AccountTrouble(trouble), min(count, CAP), since)
        for _, name, trouble, _, count, since in rows
    )
    return AccountTroubles(
        (*first, *others),
        {**counts, **{AccountTrouble(row.trouble): row.alike for row in rows}},
        {AccountState(state): count for state, count in states},
        _services(conn, elsewhere, create) if elsewhere else (),
        elsewhere,
    )


def _closed(found: Sequence[HeldOfClosed]) -> tuple[tuple[TroubledAccount, ...], dict[AccountTrouble, int]]:
    """Return the first of the closed accounts of which something is held, and how many there are."""
    first = tuple(
        TroubledAccount(one.name, AccountTrouble.CLOSED, min(one.waiting, CAP), one.since, tuple(one.bookings))
        for one in found[:_CLOSED]
    )
    return first, {AccountTrouble.CLOSED: len(found)} if found else {}


def _services(conn: Connection, others: Mapping[str, str], create: str) -> tuple[TroubledService, ...]:
    """Read which of these Cal.coms, by their addresses, are not closed."""
    asked = {"services": list(others), "create": create, "most": _MOST, "cap": CAP}
    rows = conn.execute(statement("services_in_trouble"), asked).mappings()
    return tuple(TroubledService(**row, base_url=others[row["service"]]) for row in rows)

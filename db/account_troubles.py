"""What is held of several accounts, by its cause, and which accounts something of their own stops: plain reads."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, literal, literal_column, select

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts, causes_now
from db.lifecycle import HoldReason
from db.models.accounts import calcom_accounts as _accounts
from db.monitoring.counts_now import HeldNow
from db.monitoring.status_queries import AT_RISK
from db.queue import of_account
from db.queue.of_account import HeldOfClosed
from db.sql import statement

_others = _accounts.alias("others")

CAP = 1000
"""So much of a closed account is counted, of a line, and of a reason."""
DEFAULT = "default"
"""The name of account 1, whose key is that of the settings."""
LISTED, OF_EACH = 50, 50
"""So many accounts are listed, and so many of one trouble."""
_MOST = 1000  # entries of an index that are read for a trouble, and accounts whose lines are
_ALL = 3  # times CAP: so many bookings of all lines are counted
_NO_BOUNDS = dict.fromkeys(("most", "cap", "all"), 1_000_000)
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


class CommonCause(StrEnum):
    """What holds bookings and is no account's own."""

    SERVICE = "service"  # their Cal.com is down; or it is back, and they go in order
    NO_EVENT_TYPE = "no_event_type"  # Cal.com no longer has their event type
    BLIND_KEY = "blind_key"
    SUSPECT = "suspect"
    LET_GO = "let_go"  # nothing any more: they go with the next beat


Cause = AccountTrouble | CommonCause
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
    """How many of its bookings are held by that, or behind."""
    since: datetime | None
    bookings: tuple[int, ...] = ()
    """Of a closed account: what its held bookings and changes are about."""
    capped: bool = False
    """Whether more bookings wait than are counted."""


@dataclass(frozen=True, slots=True)
class TroubledService:
    """Another Cal.com than the settings', whose breaker is not closed by the record, or has closed and lets go."""

    service: str
    base_url: str
    endpoint: str | None
    """The endpoint whose breaker it is; None: that of all endpoints together."""
    state: str
    since: datetime | None
    by: str | None = None
    why: str | None = None
    waiting: int = 0
    """How many bookings of its accounts wait for it."""
    capped: bool = False


@dataclass(frozen=True, slots=True)
class HeldCause:
    """What one cause holds for one reason, of an account by its name, or of all those together that are not listed."""

    cause: Cause
    service: str
    account: str | None
    held: HeldNow


@dataclass(frozen=True, slots=True)
class AccountTroubles:
    """The accounts of a fleet; empty: `default` is the only one."""

    accounts: tuple[TroubledAccount, ...] = ()
    """The worst of them first, and of one trouble the oldest."""
    counts: Mapping[AccountTrouble, int] = field(default_factory=dict)
    """How many accounts have a trouble as their worst, also those that are not listed."""
    several: bool = False
    """Whether there is an account beside `default`."""
    services: tuple[TroubledService, ...] = ()
    """The other Cal.coms whose breakers are not closed; the first is the one for which that is so the longest."""
    other_services: Mapping[str, str] = field(default_factory=dict)
    """The other Cal.coms than the settings' at which an account is that is not closed, each with its address."""
    causes: tuple[HeldCause, ...] = ()
    """What is held, each booking by one cause; empty while `default` is the only account."""

    def of(self, *troubles: AccountTrouble) -> Iterator[TroubledAccount]:
        """Yield the listed accounts that have one of these troubles."""
        return (one for one in self.accounts if one.trouble in troubles)

    def count(self, *troubles: AccountTrouble) -> int:
        """Return how many accounts have one of these troubles."""
        return sum(self.counts.get(one, 0) for one in troubles)

    def held(self, *causes: Cause, service: str | None = None, account: str | None = None) -> tuple[HeldNow, ...]:
        """Return what these causes hold (none: all), by reason, of all Cal.coms and accounts or of one."""
        return together(
            one.held
            for one in self.causes
            if (not causes or one.cause in causes) and service in {None, one.service} and account in {None, one.account}
        )

    def with_default_stopped(self, cause: AccountTrouble) -> "AccountTroubles":
        """Return the same where the key or the address of the settings stops the line of `default`: Redis tells it."""
        moved = (
            replace(one, cause=cause) if one.account == DEFAULT and _is_stopped(one) else one for one in self.causes
        )
        gone = [one for one in self.accounts if one.name == DEFAULT and one.trouble in _OF_A_LINE]
        counts = {
            trouble: count - sum(one.trouble is trouble for one in gone) for trouble, count in self.counts.items()
        }
        kept = tuple(one for one in self.accounts if one not in gone)
        return replace(self, accounts=kept, counts=counts, causes=tuple(moved))


NO_TROUBLE = AccountTroubles()
_NEVER = datetime.max.replace(tzinfo=UTC)
_LINES = (HoldReason.BREAKER_OPEN, HoldReason.THROTTLED, HoldReason.IN_LINE)
_SERVICE_HOLDS = (*_LINES, HoldReason.UNREACHABLE)
_OF_A_LINE = (
    CommonCause.SERVICE,
    CommonCause.LET_GO,
    AccountTrouble.REFUSED,
    AccountTrouble.CONFIGURATION,
    AccountTrouble.BREAKER,
    AccountTrouble.THROTTLED,
)
_FIGURES = ("at_risk", "oldest_held_at", "oldest_requested_at", "first_start", "next_until")


def together(holds: Iterable[HeldNow]) -> tuple[HeldNow, ...]:
    """Return the sum of holds, one for each reason; the first is that with the oldest hold."""
    found: dict[HoldReason, HeldNow] = {}
    for one in holds:
        other = found.get(one.reason)
        found[one.reason] = one if other is None else _sum(one, other)
    return tuple(sorted(found.values(), key=lambda one: one.oldest_held_at))


def read(
    conn: Connection,
    service: str,
    *,
    lead: float,
    unreadable: str,
    missing_type: str,
    create: str,
    counted_at: datetime | None = None,
    only: int | None = None,
) -> AccountTroubles:
    """Read what is held by which cause, the accounts that something of their own stops, and other Cal.coms' troubles.

    `service` is the settings' Cal.com, `create` the endpoint that makes bookings, `lead` HOLD_LEAD in seconds.
    `unreadable`: what bookings are held for whose key cannot be decrypted; `missing_type`: the error type of those
    whose event type is gone, which is no matter of the account. Of each trouble at most OF_EACH accounts are listed.
    Up to CAP bookings of a line, or of a reason, are counted, but for those of which there were more at the last count.
    `counted_at`: this is a count of all, stored under this moment beside that of `counts_now.keep_held`. `only`: this
    is about one account by its number, and counts all of it. Where `default` is alone, and no account was ever closed,
    this costs one row.
    """
    any_closed = exists(select(literal(1)).select_from(_others).where(_others.c.state == literal_column("'closed'")))
    default = conn.execute(select(_accounts.c.alone, any_closed).where(_accounts.c.id == DEFAULT_ACCOUNT)).one_or_none()
    alone, ever_closed = (True, False) if default is None else default
    closed = of_account.held_of_closed(conn, cap=CAP) if ever_closed else []
    if alone and only is None:
        return AccountTroubles(*_closed(closed)) if closed else NO_TROUBLE
    elsewhere = {name: url for name, url in accounts.services(conn).items() if name != service and url is not None}
    asked = {
        "unreadable": unreadable,
        "missing_type": missing_type,
        "create": create,
        "services": [service, *elsewhere],
        "reasons": [reason.value for reason in HoldReason if reason not in _LINES],
        "near_seconds": lead + AT_RISK,
        "of_each": OF_EACH,
        "of_all": LISTED - min(len(closed), _CLOSED),
        "first_account": only or 1,
        "last_account": only or 2**31 - 1,
    }
    rows = _count(conn, asked, counted_at) if counted_at else _rows(conn, asked, only)
    causes = tuple(_cause(row) for row in rows if row["reason"] is not None)
    in_trouble = [row for row in rows if row["reason"] is None]
    first, counts = _closed(closed)
    known = AccountTroubles(
        (*first, *(_account(row, causes) for row in in_trouble)),
        {**counts, **{AccountTrouble(row["cause"]): row["alike"] for row in in_trouble}},
        several=not alone,
        other_services=elsewhere,
        causes=causes,
    )
    return replace(known, services=_services(conn, known, create)) if elsewhere else known


def _rows(conn: Connection, asked: Mapping[str, Any], only: int | None) -> Sequence[RowMapping]:
    if only is None and (kept := causes_now.read(conn, cap=CAP)):
        return kept
    bounds = {"most": _MOST, "cap": CAP, "all": _ALL * CAP} if only is None else _NO_BOUNDS
    return conn.execute(statement("held_causes"), {**asked, **bounds, "whole": False}).mappings().all()


def _count(conn: Connection, asked: Mapping[str, Any], counted_at: datetime) -> Sequence[RowMapping]:
    rows = conn.execute(statement("held_causes"), {**asked, **_NO_BOUNDS, "whole": True}).mappings().all()
    if sum(row["count"] or 0 for row in rows) > CAP:
        causes_now.keep(conn, [dict(row) for row in rows], counted_at)
    return rows


def _is_stopped(one: HeldCause) -> bool:
    return one.cause in _OF_A_LINE and one.held.reason not in {HoldReason.UNREACHABLE, HoldReason.SETTLING}


def _sum(one: HeldNow, other: HeldNow) -> HeldNow:
    untils = [until for until in (one.next_until, other.next_until) if until is not None]
    return HeldNow(
        one.reason,
        one.count + other.count,
        one.capped or other.capped,
        one.at_risk + other.at_risk,
        min(one.oldest_held_at, other.oldest_held_at),
        min(one.oldest_requested_at, other.oldest_requested_at),
        min(one.first_start, other.first_start),
        min(untils, default=None),
    )


def _cause(row: RowMapping) -> HeldCause:
    figures = (row[name] for name in _FIGURES)
    held = HeldNow(HoldReason(row["reason"]), row["count"], row["is_cut"], *figures)
    cause: str = row["cause"]
    kind = CommonCause if cause in set(CommonCause) else AccountTrouble
    return HeldCause(kind(cause), row["service"], row["name"], held)


def _account(row: RowMapping, causes: Collection[HeldCause]) -> TroubledAccount:
    trouble = AccountTrouble(row["cause"])
    own = [one.held for one in causes if one.account == row["name"] and one.cause == trouble]
    since = row["since"] or min((one.oldest_held_at for one in own), default=None)
    waiting, capped = sum(one.count for one in own), any(one.capped for one in own)
    return TroubledAccount(row["name"], trouble, waiting, since, capped=capped)


def _closed(found: Sequence[HeldOfClosed]) -> tuple[tuple[TroubledAccount, ...], dict[AccountTrouble, int]]:
    """Return the first of the closed accounts of which something is held, and how many there are."""
    first = tuple(
        TroubledAccount(one.name, AccountTrouble.CLOSED, min(one.waiting, CAP), one.since, tuple(one.bookings))
        for one in found[:_CLOSED]
    )
    return first, {AccountTrouble.CLOSED: len(found)} if found else {}


def _services(conn: Connection, known: AccountTroubles, create: str) -> tuple[TroubledService, ...]:
    """Read which of the other Cal.coms are not closed, and which are, and let go what they held."""
    others = known.other_services
    asked = {"services": list(others), "create": create}
    down = {row["service"]: dict(row) for row in conn.execute(statement("services_in_trouble"), asked).mappings()}
    found = []
    for service, url in others.items():
        holds = [one for one in known.held(CommonCause.SERVICE, service=service) if one.reason in _SERVICE_HOLDS]
        waiting, capped = sum(one.count for one in holds), any(one.capped for one in holds)
        told = down.get(service, {"service": service, "endpoint": None, "state": "closed", "since": None})
        if told.pop("is_fresh", False) or waiting:
            found.append(TroubledService(**told, base_url=url, waiting=waiting, capped=capped))
    return tuple(sorted(found, key=lambda one: (one.since or _NEVER, one.service)))

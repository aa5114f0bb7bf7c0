"""How one account stands: what of its own stops it, and what is held of it, by its cause."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from booking_client.states import DEFAULT_ACCOUNT
from db.account_troubles import FOR_A_PERSON, AccountTrouble, Cause, HeldCause
from db.accounts import Account
from db.models.accounts import AccountState
from db.monitoring.counts_now import HeldNow
from tasks.accounts.remedies import WHAT_STOPS, remedy
from tasks.accounts.troubles import read_troubles


@dataclass(frozen=True, slots=True)
class HeldFor:
    """What one cause holds of an account; `since` is the oldest hold, `first_start` the nearest slot."""

    cause: Cause
    count: int
    at_risk: int
    since: datetime
    first_start: datetime


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """What stops an account now, and what is held of it: no count, name or moment of another account."""

    trouble: AccountTrouble | None
    """None: nothing of its own stops it."""
    since: datetime | None
    held: tuple[HeldFor, ...]
    """All of it, the cause with the oldest hold first."""

    def words(self, account: str) -> str | None:
        """Return what stops it, and what a person does about it; None: nothing does."""
        if self.trouble is None:
            return None
        is_ended = self.trouble in {*FOR_A_PERSON, AccountTrouble.PAUSED}
        cure = f": {remedy(self.trouble, account)}" if is_ended else ""
        return f"{WHAT_STOPS[self.trouble]}{cure}"


def read_standing(
    conn: Connection, account: Account, service: str, *, lead: float, stops_default: AccountTrouble | None
) -> AccountStanding:
    """Read it; `service` is the settings' Cal.com, `lead` HOLD_LEAD in seconds.

    `stops_default`: what the settings' key or address stops, which Redis alone knows.
    """
    known = read_troubles(conn, service, lead=lead, only=account.id)
    if account.id == DEFAULT_ACCOUNT and stops_default is not None:
        return AccountStanding(stops_default, None, _held(known.with_default_stopped(stops_default).causes))
    own = next((one for one in known.accounts if one.name == account.name), None)
    if own is not None:
        return AccountStanding(own.trouble, own.since, _held(known.causes))
    paused = AccountTrouble.PAUSED if account.state is AccountState.PAUSED else None
    return AccountStanding(paused, None, _held(known.causes))


def _held(causes: Iterable[HeldCause]) -> tuple[HeldFor, ...]:
    found = defaultdict[Cause, list[HeldNow]](list)
    for one in causes:
        found[one.cause].append(one.held)
    return tuple(sorted(_together(found.items()), key=lambda one: one.since))


def _together(found: Iterable[tuple[Cause, list[HeldNow]]]) -> Iterator[HeldFor]:
    for cause, parts in found:
        count, at_risk = sum(one.count for one in parts), sum(one.at_risk for one in parts)
        since, start = min(one.oldest_held_at for one in parts), min(one.first_start for one in parts)
        yield HeldFor(cause, count, at_risk, since, start)

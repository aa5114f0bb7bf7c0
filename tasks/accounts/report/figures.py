"""Read one account's figures of a period: nothing in them is another account's, and nothing names a person."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from db.account_troubles import AccountTrouble
from db.accounts import Account
from db.monitoring import report
from db.monitoring.report import AtRisk, ChangeCount, ConfirmationTimes, DayCount
from db.monitoring.status_queries import AT_RISK
from tasks.accounts.standing import AccountStanding, read_standing
from tasks.calcom.access import CREATE

NAMED = 20  # bookings at risk
_WELL = ("closed", "off")


@dataclass(frozen=True, slots=True)
class OutageOfAccount:
    """A time in which its Cal.com, or Cal.com for it alone (`own`), was left alone; `ended` None: it goes on."""

    own: bool
    began: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One account's figures; `until` is this moment by Postgres's clock."""

    account: str
    since: datetime
    until: datetime
    standing: AccountStanding
    days: tuple[DayCount, ...]
    changes: tuple[ChangeCount, ...]
    waits: ConfirmationTimes
    outages: tuple[OutageOfAccount, ...]
    """The first to begin is the first."""
    at_risk: tuple[AtRisk, ...]
    """The first NAMED of those that `standing` counts."""


def read_report(
    conn: Connection,
    account: Account,
    service: str,
    *,
    period: timedelta,
    lead: float,
    stops_default: AccountTrouble | None,
) -> AccountReport:
    """Read the report of a period that ends now; the other arguments are those of `read_standing`."""
    until: datetime = conn.execute(select(func.now())).scalar_one()
    since, near = until - period, until + timedelta(seconds=lead + AT_RISK)
    common = report.breaker_states(conn, account.service, CREATE, since, until)
    own = report.own_states(conn, account.id, account.service, CREATE, since, until)
    outages = [*_outages(common, own=False), *_outages(own, own=True)]
    return AccountReport(
        account=account.name,
        since=since,
        until=until,
        standing=read_standing(conn, account, service, lead=lead, stops_default=stops_default),
        days=tuple(report.days_of(conn, account.id, since, until)),
        changes=tuple(report.changes_of(conn, account.id, since, until)),
        waits=report.confirmation_times(conn, since, until, account=account.id),
        outages=tuple(sorted(outages, key=lambda one: one.began)),
        at_risk=tuple(report.at_risk_of(conn, account.id, near, NAMED)),
    )


def _outages(states: Iterable[tuple[datetime, str]], *, own: bool) -> Iterator[OutageOfAccount]:
    began = None
    for at, state in states:
        if state not in _WELL:
            began = began or at
        elif began is not None:
            yield OutageOfAccount(own, began, at)
            began = None
    if began is not None:
        yield OutageOfAccount(own, began, None)

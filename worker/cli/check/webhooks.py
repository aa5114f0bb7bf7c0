"""Compare an account's webhook at Cal.com with our side, for `booking check` and `booking calcom-webhook check`."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from db import accounts, calcom_webhooks
from db.accounts import Account
from db.models.accounts import AccountState
from db.monitoring import operator_actions
from db.monitoring.front_door import WEBHOOK_ADD, WEBHOOK_REMOVE
from tasks.audit.calls import AuditHalted
from tasks.calcom_webhooks.subscription import Difference, OurSide, OwnWebhook, WebhookCalls
from tasks.dependencies import Dependencies

MOST_ORDERS = 10_000
_MEND = "`booking calcom-webhook add` replaces it"
_DIFFERS = {
    Difference.OFF: "it is switched off",
    Difference.OLD_ADDRESS: "its address is of an older CALCOM_WEBHOOK_SECRET",
    Difference.SIGNATURE: "it signs with another secret, and each of its reports is refused here",
    Difference.TRIGGERS: "its triggers are not the five that we understand",
    Difference.TEMPLATE: "it has a payload template, whose body we do not understand",
}


class Comparison(NamedTuple):
    """What Cal.com has of an account: it should be one webhook without a difference."""

    known: Sequence[OwnWebhook]

    @property
    def ok(self) -> bool:
        """Return whether Cal.com has what our side expects."""
        return len(self.known) == 1 and not self.known[0].wrong

    @property
    def lines(self) -> list[str]:
        """Return what Cal.com has, and what to do about it."""
        if not self.known:
            return ["none: `booking calcom-webhook add https://YOUR_HOST` makes it"]
        several = f"{len(self.known)} webhooks of one account: `booking calcom-webhook add URL` leaves one"
        return [*map(_said, self.known), *([several] if len(self.known) > 1 else [])]


def compare(calls: WebhookCalls, ours: OurSide) -> Comparison:
    """Read the list of the account's key, and compare.

    Raises:
        AuditHalted: Cal.com cannot be asked now, or does not list its webhooks.
    """
    calls.use(ours.account)
    return Comparison(ours.own(calls.listed()))


def check_webhooks(deps: Dependencies, calls: WebhookCalls) -> Iterator[tuple[bool, str]]:
    """Yield whether all is well, and a sentence, for each account that has a webhook by our record."""
    with deps.engine.connect() as conn:
        ordered = _ordered(conn)
        reported = calcom_webhooks.reporting(conn)
        known = [one for one in accounts.listed(conn) if one.state is AccountState.ACTIVE]
    for account in known:
        if account.name in ordered:
            yield _checked(deps, calls, account)
        elif account.id in reported and deps.webhook_secrets:
            yield True, f"{account.name}: reports come from one that was made by hand (`booking calcom-webhook show`)"


def _checked(deps: Dependencies, calls: WebhookCalls, account: Account) -> tuple[bool, str]:
    if not deps.webhook_secrets:
        return False, f"{account.name}: CALCOM_WEBHOOK_SECRET is not set, so each of its reports is refused here"
    try:
        found = compare(calls, OurSide(account.id, deps.webhook_secrets))
    except AuditHalted as no:
        return True, f"{account.name}: not asked: {no}"
    return found.ok, f"{account.name}: {'; '.join(found.lines)}"


def _ordered(conn: Connection) -> set[str]:
    """Return the names of the accounts whose last order about a webhook was to add it."""
    orders = [
        one
        for action in (WEBHOOK_ADD, WEBHOOK_REMOVE)
        for one in operator_actions.latest(conn, MOST_ORDERS, action=action)
        if one.refused is None
    ]
    last = {one.target["account"]: one.action for one in sorted(orders, key=lambda one: one.id)}
    return {name for name, action in last.items() if action == WEBHOOK_ADD}


def _said(one: OwnWebhook) -> str:
    if not one.wrong:
        return f"reports to {one.base}, as our side expects it"
    return f"{one.base}: {'; '.join(_DIFFERS[difference] for difference in one.wrong)}: {_MEND}"

"""The work of `booking calcom-webhook`: an account's webhook at Cal.com, beside what our receiver takes."""

from datetime import datetime
from urllib.parse import urlsplit

from db import calcom_webhooks
from db.monitoring.front_door import WEBHOOK_ADD, WEBHOOK_REMOVE
from tasks.audit.calls import AuditHalted
from tasks.calcom_webhooks import subscription
from tasks.calcom_webhooks.hints import TRIGGERS
from tasks.calcom_webhooks.subscription import OurSide, WebhookCalls
from tasks.dependencies import Dependencies
from tasks.words import clock, plural
from worker.cli import record
from worker.cli.check.calls import LIMIT_SECONDS, patience
from worker.cli.check.webhooks import compare
from worker.cli.named import named_account
from worker.cli.session import ready
from worker.console import screen
from worker.console.stop import Stop


def add(address: str | None, *, account: str, why: str) -> None:
    """Make the webhook at Cal.com, or mend it; again, it changes nothing."""
    base = made_webhook(address, account=account, why=why)
    screen.say(f"Cal.com reports to {base}, for the bookings that the user of this key organizes.")


def made_webhook(address: str | None, *, account: str, why: str) -> str:
    """Make the webhook at Cal.com, or mend it, on record; return the address of `booking serve` that it has.

    Raises:
        Stop: It is not known to be there.
    """
    deps, ours = _ours(account)
    calls = _calls(deps, ours)
    base = None if address is None else _base(address, calls)
    about = {"account": account, "host": urlsplit(base or "").hostname}
    action = record.begin(deps.engine, WEBHOOK_ADD, why=why, target=about)
    try:
        base = subscription.add(calls, ours, base)
    except (AuditHalted, ValueError) as error:
        record.finish(deps.engine, action, {"not_done": 1}, refused=str(error))
        raise Stop(str(error)) from None
    record.finish(deps.engine, action, {"added": 1})
    return base


def check(*, account: str) -> bool:
    """Show both sides and what to do; False: they differ."""
    deps, ours = _ours(account)
    try:
        found = compare(WebhookCalls(deps, pause=patience(LIMIT_SECONDS)), ours)
    except AuditHalted as halted:
        raise Stop(str(halted)) from None
    last = _last(deps, ours)
    rows = [("at Cal.com", line) for line in found.lines]
    screen.facts([*rows, ("last report", clock(last) if last else "none yet")])
    return found.ok


def remove(*, account: str, why: str) -> None:
    """Delete the account's webhooks at Cal.com."""
    deps, ours = _ours(account)
    calls = _calls(deps, ours)
    action = record.begin(deps.engine, WEBHOOK_REMOVE, why=why, target={"account": account})
    try:
        number = subscription.remove(calls, ours)
    except AuditHalted as halted:
        record.finish(deps.engine, action, {"not_done": 1}, refused=str(halted))
        raise Stop(str(halted)) from None
    record.finish(deps.engine, action, {"removed": number})
    screen.say(f"{plural(number, 'webhook')} deleted at Cal.com; our side is derived, and has nothing to delete.")


def show(*, account: str) -> None:
    """Show what is set at Cal.com by hand."""
    deps, ours = _ours(account)
    last = _last(deps, ours)
    screen.facts(
        [
            ("address", ours.address("https://YOUR_HOST")),
            ("secret", ours.secret),
            ("triggers", ", ".join(TRIGGERS)),
            ("last report", clock(last) if last else "none yet"),
        ]
    )


def _ours(account: str) -> tuple[Dependencies, OurSide]:
    deps = ready()
    if not deps.webhook_secrets:
        raise Stop("CALCOM_WEBHOOK_SECRET is not set: give it 32 random characters or more (openssl rand -hex 32)")
    with deps.engine.connect() as conn:
        number = named_account(conn, account).id
    return deps, OurSide(number, deps.webhook_secrets)


def _calls(deps: Dependencies, ours: OurSide) -> WebhookCalls:
    calls = WebhookCalls(deps, pause=patience(LIMIT_SECONDS))
    try:
        calls.use(ours.account)
    except AuditHalted as halted:
        raise Stop(str(halted)) from None
    return calls


def _base(address: str, calls: WebhookCalls) -> str:
    try:
        return subscription.base_of(address, calcom=calls.base_url)
    except ValueError as error:
        raise Stop(f"{address}: {error}") from None


def _last(deps: Dependencies, ours: OurSide) -> datetime | None:
    with deps.engine.connect() as conn:
        return calcom_webhooks.last_received(conn, ours.account)

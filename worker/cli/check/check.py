"""`booking check`: check everything that the worker needs; each problem is a line with what to do."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial

from sqlalchemy import Engine

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.api_keys import keys
from db.models.accounts import AccountState
from tasks import dependencies
from tasks.calcom_webhooks.subscription import WebhookCalls
from tasks.dependencies import Dependencies
from tasks.words import plural
from worker import wiring as wiring  # noqa: PLC0414 - its import fills the slot of `tasks`
from worker.cli.check.agents import check_agents
from worker.cli.check.calcom import check_accounts, check_calcom, types_to_ask
from worker.cli.check.callbacks import check_callbacks
from worker.cli.check.calls import LIMIT_SECONDS, audit_calls, calls, patience
from worker.cli.check.health import look_at_tick, look_at_worker
from worker.cli.check.result import CheckResult
from worker.cli.check.servers import check_broker, check_clocks, check_postgres, check_redis
from worker.cli.check.webhooks import check_webhooks
from worker.cli.session import log_to_stderr
from worker.console import screen
from worker.running import running
from worker.settings.model import Settings, SettingsError


def run(*, json: bool, tick: bool = False, worker: bool = False) -> bool:
    """Show the results and return whether all is in order; `tick`, `worker`: check only that, for a health check."""
    results: list[CheckResult] = []
    for result in look_at_tick() if tick else look_at_worker() if worker else look():
        results.append(result)
        if not json:
            screen.say(_mark(result), f"{result.about:<12}", result.said)
    ok = all(result.ok for result in results)
    if json:
        screen.as_json({"ok": ok, "findings": [asdict(result) for result in results]})
    return ok


def _mark(result: CheckResult) -> tuple[str, str]:
    if result.warning:
        return ("WARN   ", "bold yellow")
    return ("ok     ", "green") if result.ok else ("WRONG  ", "bold red")


def look() -> Iterator[CheckResult]:
    """Yield one check after the other; a check that needs a broken part is left out."""
    try:
        settings = running(Settings.load())
    except SettingsError as error:
        yield from (CheckResult("settings", ok=False, said=problem) for problem in error.problems)
        return
    slips = settings.misspelt()
    yield from (CheckResult("settings", ok=False, said=slip) for slip in slips)
    if not slips:
        yield CheckResult("settings", ok=True, said="read and in range")
    log_to_stderr()
    built = dependencies.current()
    migrated = False
    for result in check_postgres(built.engine):
        migrated = result.about == "migrations" and result.ok
        yield result
    yield check_broker(settings)
    yield check_redis(settings)
    if migrated:
        yield check_clocks(built.engine, settings)
        yield _keys(built.engine)
        yield from _agents(settings)
        yield from _callbacks(built)
    yield from _calcom(built, settings, migrated=migrated)
    if migrated:
        yield from _accounts(built)
        yield from _webhooks(built)


def _keys(engine: Engine) -> CheckResult:
    with engine.connect() as conn:
        number = keys.in_force(conn)
    none = "no key yet: `booking serve` answers nobody until `booking keys add NAME` makes one"
    return CheckResult("API keys", ok=True, said=f"{plural(number, 'key')} in force" if number else none)


def _agents(settings: Settings) -> Iterator[CheckResult]:
    """Check whether each agent's secret proves for one key alone; bookings go on."""
    for message in check_agents(settings):
        yield CheckResult("agents", ok=True, said=message, warning=True)


def _callbacks(built: Dependencies) -> Iterator[CheckResult]:
    """Check whether the receivers of callbacks can be reached; bookings go on without them."""
    for ok, message in check_callbacks(built):
        yield CheckResult("callbacks", ok=True, said=message, warning=not ok)


def _calcom(built: Dependencies, settings: Settings, *, migrated: bool) -> Iterator[CheckResult]:
    for ok, message in check_calcom(
        built, calls(built, migrated=migrated), settings, types_to_ask(built) if migrated else []
    ):
        yield CheckResult("Cal.com", ok=ok, said=message)


def _accounts(built: Dependencies) -> Iterator[CheckResult]:
    """Check each account beside `default`; of those that are well, only how many there are."""
    with built.engine.connect() as conn:
        known = [
            one for one in accounts.listed(conn) if one.id != DEFAULT_ACCOUNT and one.state is not AccountState.CLOSED
        ]
    well = 0
    for account, ok, message in check_accounts(built, known, partial(audit_calls, built)):
        well += ok
        if not ok:
            yield CheckResult("account", ok=False, said=f"{account.name}: {message}")
    if well:
        yield CheckResult("accounts", ok=True, said=f"{well:,} of {len(known):,} beside default are well")


def _webhooks(built: Dependencies) -> Iterator[CheckResult]:
    """Check what reports to us; without it what people do at Cal.com is found later, and bookings go on."""
    for ok, message in check_webhooks(built, WebhookCalls(built, pause=patience(LIMIT_SECONDS))):
        yield CheckResult("webhook", ok=True, said=message, warning=not ok)

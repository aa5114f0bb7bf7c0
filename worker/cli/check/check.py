"""`booking check`: check everything that the worker needs; each problem is a line with what to do."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial

from celery.utils.nodenames import default_nodename
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from booking_client import correlation
from booking_client.states import DEFAULT_ACCOUNT
from db import accounts, revisions
from db.api_keys import keys
from db.appointments import event_types
from db.appointments.appointment import Appointment
from db.models.accounts import AccountState
from db.monitoring.heartbeats import beat_is_dead
from tasks import dependencies
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.calcom_webhooks.subscription import WebhookCalls
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls
from tasks.incidents.check import last_tick
from tasks.words import plural
from worker import wiring as wiring  # noqa: PLC0414 - its import fills the slot of `tasks`
from worker.cli.check import clocks
from worker.cli.check.agents import check_agents
from worker.cli.check.calcom import check_accounts, check_calcom
from worker.cli.check.callbacks import check_callbacks
from worker.cli.check.redis import breaker_error
from worker.cli.check.webhooks import check_webhooks
from worker.cli.explain import explain
from worker.cli.session import log_to_stderr
from worker.console import broker, screen
from worker.running import running
from worker.settings.model import Settings, SettingsError

OLDEST_POSTGRES = 150_000  # 15: UNIQUE NULLS NOT DISTINCT
UNBOUNDED = text(
    "SELECT name FROM pg_settings WHERE setting = '0'"
    " AND name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') ORDER BY name"
)
WORKER_SECONDS = 10.0  # seconds: a worker whose threads are all at work answers late
LIMIT_SECONDS = 5.0  # seconds that all calls together may wait for Cal.com's limit


@dataclass(frozen=True)
class CheckResult:
    """The result of one check."""

    about: str
    ok: bool
    said: str
    warning: bool = False
    """True: bookings go on, but an operator should know."""


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
    for result in _postgres(built.engine):
        migrated = result.about == "migrations" and result.ok
        yield result
    yield _broker(settings)
    yield _redis(settings)
    if migrated:
        yield _clocks(built.engine, settings)
        yield _keys(built.engine)
        yield from _agents(settings)
        yield from _callbacks(built)
    yield from _calcom(built, settings, migrated=migrated)
    if migrated:
        yield from _accounts(built)
        yield from _webhooks(built)


def look_at_tick() -> Iterator[CheckResult]:
    """Check whether beat ticks, for a health check: while Postgres is down, beat counts as healthy."""
    log_to_stderr()
    try:
        beat = last_tick()
    except SQLAlchemyError:
        yield CheckResult("beat", ok=True, said="Postgres does not answer, which says nothing of beat", warning=True)
        return
    if beat is None or beat.ticked_at is None:
        yield CheckResult("beat", ok=False, said="has never ticked; start beat, and the worker of maintenance")
    elif beat_is_dead(beat):
        message = f"ticked last {beat.age:.0f} s ago; start beat, and the worker of maintenance"
        yield CheckResult("beat", ok=False, said=message)
    else:
        yield CheckResult("beat", ok=True, said=f"ticked {beat.age:.0f} s ago")


def look_at_worker() -> Iterator[CheckResult]:
    """Check whether the worker of this host answers; the question goes through the broker."""
    log_to_stderr()
    node = default_nodename(None)
    try:
        ok = broker.hears(node, WORKER_SECONDS)
        said = "answers" if ok else f"does not answer within {WORKER_SECONDS:g} s; does it run, under this host's name?"
    except Exception:  # noqa: BLE001 - each transport raises errors of its own
        ok, said = False, "cannot be asked: the broker does not answer"
    yield CheckResult(node, ok=ok, said=said)


def _postgres(engine: Engine) -> Iterator[CheckResult]:
    try:
        with engine.connect() as conn:
            version = int(conn.execute(text("SHOW server_version_num")).scalar_one())
            unbounded = list(conn.execute(UNBOUNDED).scalars())
        schema = revisions.schema_state(engine)
    except SQLAlchemyError as error:
        detail = str(getattr(error, "orig", None) or "").strip().splitlines()
        message = "; ".join(explain(error) or ())
        yield CheckResult("Postgres", ok=False, said=f"{message}{f' ({detail[0]})' if detail else ''}")
        return
    release = f"{version // 10_000}.{version % 10_000}"
    if version < OLDEST_POSTGRES:
        yield CheckResult("Postgres", ok=False, said=f"is {release}; 15 or newer is needed")
        return
    yield CheckResult("Postgres", ok=True, said=f"{release} answers")
    if unbounded:
        message = f"ours have no {', '.join(unbounded)}: what stands before Postgres drops it; see docs/deploying.md"
        yield CheckResult("sessions", ok=True, said=message, warning=True)
    problem = schema.problem
    yield CheckResult("migrations", ok=problem is None, said=problem or f"at {schema.current}, the newest")


def _broker(settings: Settings) -> CheckResult:
    asked = broker.ask(settings.broker_url or "", ())
    name = "CELERY_BROKER_URL" if settings.celery_broker_url else "REDIS_URL"
    if asked.error:
        return CheckResult(
            "broker", ok=False, said=f"does not answer ({asked.error}); is it running, and is {name} right?"
        )
    return CheckResult("broker", ok=True, said="answers")


def _redis(settings: Settings) -> CheckResult:
    url = settings.redis_url or ""
    if error := broker.redis_error(url):
        return CheckResult("Redis", ok=False, said=f"does not answer ({error}); is it running, and is REDIS_URL right?")
    if error := breaker_error(url):
        return CheckResult("Redis", ok=False, said=error)
    policy = broker.eviction_policy(url)
    if policy is None:
        return CheckResult("Redis", ok=True, said="answers; its maxmemory-policy cannot be read: it must be noeviction")
    if policy != "noeviction":
        message = f"may drop messages (maxmemory-policy {policy}); run CONFIG SET maxmemory-policy noeviction"
        return CheckResult("Redis", ok=False, said=message)
    return CheckResult("Redis", ok=True, said="answers, and drops nothing (noeviction)")


def _clocks(engine: Engine, settings: Settings) -> CheckResult:
    with engine.connect() as conn:
        ok, message = clocks.compare(conn, settings.redis_url or "")
    return CheckResult("clocks", ok=True, said=message, warning=not ok)


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
        built, _calls(built, migrated=migrated), settings, _types(built, migrated=migrated)
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


def _calls(built: Dependencies, *, migrated: bool) -> GuardedCalls:
    """Return calls that let bookings go first; without tables there are no bookings."""
    return audit_calls(built) if migrated else GuardedCalls(built, correlation.new())


def audit_calls(built: Dependencies) -> AuditCalls:
    """Return calls that let bookings go first, and wait for a limit no longer than a check may."""
    return AuditCalls(built, pause=patience(LIMIT_SECONDS))


def _types(built: Dependencies, *, migrated: bool) -> list[Appointment]:
    if not migrated:
        return []
    with built.engine.connect() as conn:
        return event_types.confirmed(conn)


def patience(seconds: float) -> Callable[[float], object]:
    """Return a pause that raises AuditHalted after `seconds` in all: bookings need the limit more than a check."""
    left = seconds

    def pause(asked: float) -> None:
        nonlocal left
        left -= asked
        if left < 0:
            raise AuditHalted("Cal.com's limit of calls is used up for now; ask again in a minute")
        threading.Event().wait(asked)

    return pause

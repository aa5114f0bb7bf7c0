"""Check the servers that each process needs: Postgres, the broker, Redis, and their clocks."""

from collections.abc import Iterator

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from db import revisions
from worker.cli.check import clocks
from worker.cli.check.redis import breaker_error
from worker.cli.check.result import CheckResult
from worker.cli.explain import explain
from worker.console import broker
from worker.settings.model import Settings

OLDEST_POSTGRES = 150_000  # 15: UNIQUE NULLS NOT DISTINCT
UNBOUNDED = text(
    "SELECT name FROM pg_settings WHERE setting = '0'"
    " AND name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') ORDER BY name"
)


def check_postgres(engine: Engine) -> Iterator[CheckResult]:
    """Check the server, its time-outs and its tables; what needs a broken part is left out."""
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


def check_broker(settings: Settings) -> CheckResult:
    """Check whether the broker answers."""
    asked = broker.ask(settings.broker_url or "", ())
    name = "CELERY_BROKER_URL" if settings.celery_broker_url else "REDIS_URL"
    if asked.error:
        return CheckResult(
            "broker", ok=False, said=f"does not answer ({asked.error}); is it running, and is {name} right?"
        )
    return CheckResult("broker", ok=True, said="answers")


def check_redis(settings: Settings) -> CheckResult:
    """Check whether Redis answers, runs what the breaker needs, and drops nothing."""
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


def check_clocks(engine: Engine, settings: Settings) -> CheckResult:
    """Check the clocks; bookings go on with wrong ones."""
    with engine.connect() as conn:
        ok, message = clocks.compare(conn, settings.redis_url or "")
    return CheckResult("clocks", ok=True, said=message, warning=not ok)

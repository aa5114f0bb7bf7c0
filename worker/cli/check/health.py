"""Check beat or the worker of this host, for a health check."""

from collections.abc import Iterator

from celery.utils.nodenames import default_nodename
from sqlalchemy.exc import SQLAlchemyError

from db.monitoring.heartbeats import beat_is_dead
from tasks.incidents.check import last_tick
from worker.cli.check.result import CheckResult
from worker.cli.session import log_to_stderr
from worker.console import broker

WORKER_SECONDS = 10.0  # seconds: a worker whose threads are all at work answers late


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

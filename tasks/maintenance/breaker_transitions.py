"""Transitions of the breaker, one row for each, from the stream to which its scripts append them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from db.monitoring import breaker_events
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.transitions import Transition
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask
from tasks.operations import breaker_overrides

log = Logger(__name__)
_START = "0-0"
_written: dict[str, tuple[int, str]] = {}  # of each service: the position in a generation's stream


@app.task(base=PeriodicTask, name="tasks.maintenance.breaker_transitions.record_transitions")
def record_transitions() -> int:
    """Record the transitions that are in the stream of a service and not in the table; return how many rows were new.

    A new process reads the whole stream (about 1,000 entries), and in each later run what was added meanwhile. So a
    kill between a transition and its row loses nothing, and an existing row stays as it is. A breaker that has begun
    again has another stream, perhaps by another clock: that stream is read from its start. Overrides in force are
    applied again, because Redis may have lost an override; those of a service at rest when it is called again.
    """
    deps = dependencies.current()
    services = [deps.at_service(one.name) for one in deps.services.in_use()]
    return sum(record(built, built.breaker.get_status(), overridden=True) for built in services)


def record(built: Dependencies, before: BreakerStatus, *, overridden: bool) -> int:
    """Do the same for one service, whose breaker stood as `before`; not `overridden`: nothing overrides a breaker."""
    if overridden:
        breaker_overrides.repeat(built.engine, built.breaker, before)
    generation, place = _written.get(before.service, (0, _START))
    after = place if generation == before.generation else _START
    transitions = built.breaker.view.transitions(after_id=after, count=2000)
    new = _record(built, transitions) if transitions else 0
    if before.shared:
        _written[before.service] = (before.generation, transitions[-1].id if transitions else after)
    if new:
        log.info("transitions", service=before.service, new=new, last=transitions[-1].new.value)
    return new


def _record(built: Dependencies, transitions: Sequence[Transition]) -> int:
    """Record transitions that are not in the table and not past retention; return how many."""
    kept_for = built.timings.retention
    with built.engine.begin() as conn:
        now: datetime = conn.execute(select(func.now())).scalar_one()
        lasting = transitions if not kept_for else _lasting(transitions, now - timedelta(seconds=kept_for))
        return breaker_events.record_transitions(conn, [_row(transition) for transition in lasting])


def _lasting(transitions: Sequence[Transition], before: datetime) -> list[Transition]:
    """Leave out what db/monitoring/retention.py deletes: a row that is written again would be counted again."""
    newest = {(one.endpoint, one.account): one for one in transitions if one.at < before}
    return [one for one in transitions if one.at >= before or one is newest[one.endpoint, one.account]]


def _row(transition: Transition) -> dict[str, object]:
    until = transition.until.isoformat() if transition.until else None
    context = {**transition.context, "by": transition.by, "why": transition.why, "until": until}
    return {
        "service": transition.service,
        "endpoint": transition.endpoint,
        "account_id": transition.account,
        "old_state": transition.old.value,
        "new_state": transition.new.value,
        "reason": transition.reason,
        "failure_count": transition.failures,
        "context": {name: value for name, value in context.items() if value},
        "epoch": transition.epoch,
        "created_at": transition.at,
    }

"""Write the breaker's transitions down: from the stream that its scripts append to, into one row each."""

import structlog
from celery import shared_task

from db.monitoring import breaker_events
from resilience.circuit_breaker.transitions import Transition
from tasks import dependencies
from tasks.operations import breaker_overrides
from tasks.periodic import PeriodicTask

log = structlog.get_logger(__name__)
_START = "0-0"
_written = (0, _START)


@shared_task(base=PeriodicTask, name="tasks.transitions.record_transitions")
def record_transitions() -> int:
    """Write what the stream holds and the table lacks; return how many rows were new.

    A process that starts reads all that is kept (about 1,000), then what came since it last wrote: so a kill between
    a transition and its row loses nothing, and a row that is there stays as it is. A breaker that has begun again has
    another stream, perhaps by another clock: that is read from its start. Orders in force are given again, should
    Redis have missed one.
    """
    global _written  # noqa: PLW0603 - a place in a generation's stream; whoever forgets it reads again
    built = dependencies.current()
    before = built.breaker.get_status()
    breaker_overrides.repeat(built.engine, built.breaker, before)
    generation, place = _written
    after = place if generation == before.generation else _START
    seen = built.breaker.transitions(after_id=after, count=2000)
    with built.engine.begin() as conn:
        new = breaker_events.record_transitions(conn, [_row(one) for one in seen])
    if before.shared:
        _written = (before.generation, seen[-1].id if seen else after)
    if new:
        log.info("transitions", new=new, last=seen[-1].new.value)
    return new


def _row(one: Transition) -> dict[str, object]:
    context = {**one.context, "by": one.by, "why": one.why, "until": one.until.isoformat() if one.until else None}
    return {
        "service": one.service,
        "endpoint": one.endpoint,
        "old_state": one.old.value,
        "new_state": one.new.value,
        "reason": one.reason,
        "failure_count": one.failures,
        "context": {name: value for name, value in context.items() if value},
        "epoch": one.epoch,
        "created_at": one.at,
    }

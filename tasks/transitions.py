"""Write the breaker's transitions down: from the stream that its scripts append to, into one row each."""

import structlog
from celery import shared_task

from db import breaker_events
from resilience.transitions import Transition
from tasks import orders
from tasks.parts import parts

log = structlog.get_logger(__name__)


@shared_task(name="tasks.transitions.record_transitions", queue="maintenance")
def record_transitions() -> int:
    """Write what the stream holds and the table lacks; return how many rows were new.

    The whole stream is read, about 1,000 entries at most: who remembers a place may remember a wrong one, and a row
    that is there already stays as it is. So a kill between the transition and its row loses nothing.
    Orders in force are given again, should Redis have missed one.
    """
    orders.repeat(parts().engine, parts().breaker)
    seen = parts().breaker.transitions(count=2000)
    with parts().engine.begin() as conn:
        new = breaker_events.record_transitions(conn, [_row(one) for one in seen])
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

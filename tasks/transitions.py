"""Write the breaker's transitions down: from the stream that its scripts append to, into one row each."""

import structlog
from celery import shared_task

from db import breaker_events
from resilience.transitions import Transition
from tasks import orders
from tasks.parts import parts

log = structlog.get_logger(__name__)
_written = "0-0"


@shared_task(name="tasks.transitions.record_transitions")
def record_transitions() -> int:
    """Write what the stream holds and the table lacks; return how many rows were new.

    A process that starts reads all that is kept (about 1,000), then what came since it last wrote: so a kill between
    a transition and its row loses nothing, and a row that is there stays as it is. Orders in force are given again,
    should Redis have missed one.
    """
    global _written  # noqa: PLW0603 - a place in the stream; whoever forgets it reads again
    orders.repeat(parts().engine, parts().breaker)
    seen = parts().breaker.transitions(after_id=_written, count=2000)
    with parts().engine.begin() as conn:
        new = breaker_events.record_transitions(conn, [_row(one) for one in seen])
    _written = seen[-1].id if seen else _written
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

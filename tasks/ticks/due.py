"""Start the periodic tasks that have something to do: beat's message of each second is for this task alone.

A dozen messages, and some thirty statements that find nothing, would be most of what an idle deployment costs. So one
statement looks whether there is anything for them, and each task whose answer is yes gets its message. The answer is
read from what is stored now, and never from an event that may be missed; and each task runs once a minute in any case
(worker/schedule.py).

The breaker is looked at here itself: its record is kept in Redis, and a question there is all that it costs.
"""

from collections.abc import Iterator

from db.queue import due
from db.queue.due import DueWork
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.host.periodic import TICK, PeriodicTask
from tasks.maintenance import breaker_transitions
from tasks.ticks.work import WORK, Look, Periods
from tasks.work.publish import call_later

QUEUE = "maintenance"
_periods = Periods()


@app.task(base=PeriodicTask, name="tasks.ticks.due.start_due")
def start_due() -> list[str]:
    """Start the tasks that have something to do, and record what the breakers did; return the names of the tasks."""
    return start(dependencies.current(), _periods)


def start(deps: Dependencies, periods: Periods) -> list[str]:
    """Do the same, for tasks whose period is over."""
    deps.database_calls.flush_if_due()
    with deps.autocommit.connect() as conn:
        stored = due.look(conn)
    seen = [(own, own.breaker.get_status()) for own in _in_use(deps, stored)]
    look = Look(stored, closed=all(_is_closed(status) for _, status in seen), sinks=bool(deps.alerts.names))
    started = [work for work in WORK if work.is_due(look) and periods.begin(work)]
    for work in started:
        call_later(deps, work.task, QUEUE, countdown=0, headers={TICK: work.every})
    for own, status in seen:  # last: no error of the record keeps a task from its start
        breaker_transitions.record(own, status, overridden=stored.overridden)
    return [work.task for work in started]


def _in_use(deps: Dependencies, stored: DueWork) -> Iterator[Dependencies]:
    services = deps.services.in_use() if stored.several_accounts else (deps.services.own,)
    return (deps.at_service(one.name) for one in services)


def _is_closed(seen: BreakerStatus) -> bool:
    scopes = (seen.breaker, *seen.endpoints.values(), *seen.account_endpoints.values())
    return all(one.state is State.CLOSED for one in scopes)

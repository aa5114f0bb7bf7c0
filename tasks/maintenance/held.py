"""Count held bookings, by reason and by cause, every two seconds while there are too many for each process to count.

The health check counts them as well, but only every five seconds: the Resilience page must show no older figure.
"""

from db.lifecycle import HALF_MADE
from db.monitoring import counts_now, heartbeats, status_queries
from tasks import dependencies
from tasks.accounts.troubles import read_troubles
from tasks.host.application import app
from tasks.host.periodic import PeriodicTask


@app.task(base=PeriodicTask, name="tasks.maintenance.held.count_held")
def count_held() -> int:
    """Count held bookings if there are too many; return how many. Any number of processes may run it at once."""
    built = dependencies.current()
    with built.engine.begin() as conn:
        if not counts_now.is_many_held(conn):
            return 0
        now = heartbeats.now(conn)
        held = status_queries.hold_risks(conn, now, lead=built.timings.lead, half_made=HALF_MADE)
        counts_now.keep_held(conn, held, now)
        read_troubles(conn, built.breaker.service, lead=built.timings.lead, counted_at=now)
    return sum(risk.count for risk in held.values())

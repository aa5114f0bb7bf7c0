"""The health check: a fault becomes an incident, once for the whole fleet, and operators are notified.

Any number of beats and workers may run checks at once: the database row of the tick lets one check at a time go on.
"""

from db.lifecycle import HALF_MADE, HoldReason
from db.monitoring import booking_minutes, counts_now, heartbeats, incidents, status_queries
from db.monitoring.heartbeats import EVERY, HEALTH_CHECK, Heartbeat, beat_is_dead
from db.monitoring.incidents import IncidentKind
from resilience.error_types import ErrorType
from tasks import dependencies
from tasks.accounts.troubles import read_troubles
from tasks.host.application import app
from tasks.host.periodic import PeriodicTask
from tasks.incidents.audits import observe_audit
from tasks.incidents.delivery import send
from tasks.incidents.front_door import observe_callbacks, observe_webhooks
from tasks.incidents.late_answers import LateAnswers
from tasks.incidents.observations import (
    CHANGES_OF_A_PERSON,
    EACH_HELD,
    observe_endings,
    observe_held_changes,
    observe_holds,
    observe_redis,
)
from tasks.incidents.rules import Observation
from tasks.incidents.service_outages import judge_by_record, observe_outages, observe_services
from tasks.incidents.update import update_incidents


@app.task(base=PeriodicTask, name="tasks.incidents.check.check_health")
def check_health(every: float = EVERY) -> int:
    """Run the health check when beat ticks."""
    return check(every)


def check(every: float = EVERY) -> int:
    """Tick, observe everything once, and open, update or resolve incidents; return the number of new messages.

    `every` is beat's interval in seconds; it is written beside the tick, for those that watch beat.
    """
    built, kinds = dependencies.current(), tuple(IncidentKind)
    services, redis, lead = observe_services(built), observe_redis(built), built.timings.lead
    with built.engine.begin() as conn:
        now = heartbeats.tick(conn, HEALTH_CHECK, every=every)
        held = status_queries.hold_risks(conn, now, lead=lead, half_made=HALF_MADE)
        counts_now.keep_held(conn, held, now)
        booking_minutes.keep_held(conn, sum(risk.count for risk in held.values()), now)
        missing = {}
        if HoldReason.CONFIGURATION in held:
            missing = status_queries.missing_types(conn, now, lead=lead, error_type=ErrorType.NO_EVENT_TYPE)
        known = {(incident.kind, incident.subject): incident for incident in incidents.open_incidents(conn, kinds)}
        services = judge_by_record(conn, services, built.detector.settings, now)
        accounts = read_troubles(conn, services.guarded, lead=lead, counted_at=now)
        observed = [
            *([redis] if redis else []),
            *observe_outages(conn, services, held, known, now, lead=lead, accounts=accounts),
            *observe_holds(
                held,
                missing,
                now,
                built.timings,
                block=services.block,
                accounts=accounts,
                each=status_queries.held_for(conn, [reason for reason in EACH_HELD if reason in held]),
            ),
            *observe_held_changes(status_queries.held_changes(conn, CHANGES_OF_A_PERSON)),
            *observe_callbacks(conn),
            *observe_webhooks(conn, known),
            *observe_endings(conn, known, now),
            *observe_audit(conn, now),
        ]
        notifications = update_incidents(conn, observed, now, kinds=kinds, unknown=services.unknown)
    notifications.send()
    return len(notifications.messages)


def report_dead_beat() -> Heartbeat | None:
    """Open or update the incident of a dead beat, which beat itself cannot report; return the last tick.

    Raises:
        SQLAlchemyError: Postgres is unavailable, so the last tick is not known.
    """
    with dependencies.current().engine.begin() as conn:
        beat = heartbeats.last_check(conn, lock=True)
        if not beat_is_dead(beat):
            return beat
        dead = Observation(IncidentKind.BEAT_DEAD, facts={"silent": round(beat.age)})
        notifications = update_incidents(conn, [dead], beat.now, kinds=[IncidentKind.BEAT_DEAD])
    notifications.send()
    send()  # without beat, messages that could not be sent are tried again from here
    return beat


def report_missing_redis() -> bool:
    """Open or update the incident of a shared breaker that this process lacks; return whether it lacks it.

    The health check knows only its own process; it ends the incident when no process has reported a lack for a while.

    Raises:
        SQLAlchemyError: Postgres is unavailable, so operators cannot be notified.
    """
    return _report(observe_redis(dependencies.current()))


def report_slow_redis(recent: LateAnswers) -> bool:
    """Open or update the incident of a Redis that often answers this process late; return whether Redis does.

    The incident ends as that of a missing breaker does. `recent` holds this process's answers of the last minute.

    Raises:
        SQLAlchemyError: Postgres is unavailable, so operators cannot be notified.
    """
    return _report(recent.look(dependencies.current().breaker.view.redis_answers()))


def _report(found: Observation | None) -> bool:
    if found is None:
        return False
    with dependencies.current().engine.begin() as conn:
        notifications = update_incidents(conn, [found], heartbeats.now(conn), kinds=[found.kind])
    notifications.send()
    return True


def last_tick() -> Heartbeat | None:
    """Return the last tick of the health check; None: no tick has ever come, so nothing is overdue."""
    with dependencies.current().autocommit.connect() as conn:
        return heartbeats.last_check(conn)
